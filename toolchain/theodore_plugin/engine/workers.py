"""Who waits for scanners, and how many of them may run at once.

A scanner is a process; a thread here waits for it. As many run as there are processors left beside our own analysis,
and at least one: more would only take time from the one that takes longest, for which everybody waits in the end.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

Result = TypeVar("Result")


class Workers:
    """Threads that run steps in the order they were submitted, as processors come free."""

    def __init__(self, processors: int | None = None) -> None:
        self._processors = processors or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._processors, thread_name_prefix="scanner")
        self._changed = threading.Condition()
        self._scanning = 0
        self._analysing = 0

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def submit(self, step: Callable[[], Result]) -> Future[Result]:
        """Run a step when it is its turn."""
        return self._pool.submit(self._in_turn, step)

    @contextmanager
    def analysing(self) -> Iterator[None]:
        """Take a processor for our own analysis, in this thread; it never waits."""
        self._count(analysing=1)
        try:
            yield
        finally:
            self._count(analysing=-1)

    def _in_turn(self, step: Callable[[], Result]) -> Result:
        with self._changed:
            self._changed.wait_for(self._is_room)
            self._scanning += 1
        try:
            return step()
        finally:
            self._count(scanning=-1)

    def _is_room(self) -> bool:
        return self._scanning == 0 or self._scanning + self._analysing < self._processors

    def _count(self, *, analysing: int = 0, scanning: int = 0) -> None:
        with self._changed:
            self._analysing += analysing
            self._scanning += scanning
            self._changed.notify_all()
