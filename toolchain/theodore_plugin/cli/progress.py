"""What is running right now, on stderr, for a person at a terminal; nothing at all otherwise.

::

    ⠹ mypy            1.3 s
    ⠹ pip-audit       1.3 s
      bandit          0.4 s
      theodore        0.6 s  2 errors, 1 warning
        src/acme/plugin.py:12:4: undeclared-permission

What the rules found is shown as soon as they are through, while the scanners are still running.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from rich.text import Text

from theodore_plugin.cli.console import stderr
from theodore_plugin.engine.run import ENDED, STARTED, Watcher, ignore
from theodore_plugin.report.visible import visible

if TYPE_CHECKING:
    from rich.live import Live
    from rich.spinner import Spinner

_ROWS = 12
"""More steps than that, or findings of one step, are not listed here."""


@dataclass(slots=True)
class _Step:
    started: float
    seconds: float | None = None
    lines: tuple[str, ...] = ()


class Progress:
    """A table of the steps, each with its time; it is gone when the result is printed."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._lock = threading.Lock()
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        if stderr.is_terminal:
            from rich.live import Live
            from rich.spinner import Spinner

            self._spinner: Spinner = Spinner("dots")
            self._live = Live(self, console=stderr, transient=True, refresh_per_second=10)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    @property
    def watch(self) -> Watcher:
        """What to tell about steps; nothing is made of it unless somebody can see it."""
        return self._note if self._live else ignore

    def _note(self, step: str, event: str) -> None:
        with self._lock:
            if event == STARTED:
                self._steps[step] = _Step(time.monotonic())
            elif step in self._steps:
                entry = self._steps[step]
                entry.seconds = time.monotonic() - entry.started
                entry.lines = () if event == ENDED else tuple(event.splitlines())

    def __rich__(self) -> Text:
        with self._lock:
            return Text("\n").join(self._rows())

    def _rows(self) -> Iterator[Text]:
        running = [name for name, step in self._steps.items() if step.seconds is None]
        ended = [name for name, step in self._steps.items() if step.seconds is not None]
        for name in (*running, *ended)[:_ROWS]:
            yield from self._row(name, self._steps[name])
        if len(self._steps) > _ROWS:
            yield Text(f"  {len(running)} running, {len(ended)} done", "dim")

    def _row(self, name: str, step: _Step) -> Iterator[Text]:
        label = f"{visible(name):<20}"
        if step.seconds is None:
            now = time.monotonic()
            frame = self._spinner.render(now)
            yield Text.assemble(frame if isinstance(frame, Text) else " ", f" {label} {now - step.started:5.1f} s")
            return
        first, *others = step.lines or ("",)
        yield Text(f"  {label} {step.seconds:5.1f} s  {visible(first)}".rstrip(), "dim")
        for line in others[:_ROWS]:
            yield Text(f"    {visible(line)}", "red", overflow="ellipsis", no_wrap=True)
