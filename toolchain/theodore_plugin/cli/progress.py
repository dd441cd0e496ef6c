"""What is running right now, on stderr, for a person at a terminal; nothing at all otherwise."""

from __future__ import annotations

import threading
from types import TracebackType

from theodore_plugin.cli.console import stderr


class Progress:
    """A spinner that names the steps still running."""

    def __init__(self) -> None:
        self._running: list[str] = []
        self._lock = threading.Lock()
        self._status = stderr.status("starting") if stderr.is_terminal else None

    def __enter__(self) -> Progress:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def watch(self, step: str, event: str) -> None:
        """Note that a step started or ended; called from any thread."""
        with self._lock:
            if event == "started":
                self._running.append(step)
            else:
                self._running.remove(step)
            if self._status and self._running:
                self._status.update(f"checking: {', '.join(self._running)}")
