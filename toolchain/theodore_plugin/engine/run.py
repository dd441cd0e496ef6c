"""One check: every step runs, every finding is weighed, and what was not looked at is part of the answer.

::

    clean copy ─┬─> mypy ───────┐
                ├─> bandit ─────┤
                ├─> pip-audit ──┼─> conclude ─> Report (pass | fail | incomplete)
                ├─> secrets ────┤
    project ────┴─> own rules ──┘

The scanners are processes and run beside our own analysis, which is usually through first and says what it found
(:func:`first_words`); the order of the report does not depend on which of them ends first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

from theodore_plugin.engine.steps import STATIC, ScannerStep, StaticStep, scanner_step, static_step
from theodore_plugin.engine.workers import Workers
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import Report
from theodore_plugin.scanners import scanners_for
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.scanner import ScanContext, Scanner
from theodore_plugin.settings import Settings

Step = TypeVar("Step")
LONGEST_FIRST = ("mypy", "pip-audit")
"""Scanners for which the others are usually waiting in the end; the second waits for services itself."""
STARTED, ENDED = "started", "ended"
Watcher = Callable[[str, str], None]
"""Told a step and :data:`STARTED`, then :data:`ENDED` or lines about what came of it; from any thread."""


def ignore(step: str, event: str) -> None:
    """Watch nothing."""


def run(
    project: PluginProject,
    settings: Settings,
    *,
    scanners: Sequence[Scanner] | None = None,
    watch: Watcher = ignore,
) -> Report:
    """Check ``project`` and report. Raises ConfigurationProblem only for mistakes in the user's settings."""
    with Workers() as workers:
        return Check.begin(project, settings, workers=workers, scanners=scanners, watch=watch).finish()


def _turn(scanner: Scanner) -> int:
    return LONGEST_FIRST.index(scanner.name) if scanner.name in LONGEST_FIRST else len(LONGEST_FIRST)


class Check:
    """One check under way: its scanners run in threads that each wait for a process, our own analysis in this one."""

    def __init__(self, project: PluginProject, settings: Settings, watch: Watcher) -> None:
        self.project = project
        self.settings = settings
        self._watch = watch
        self._started = time.monotonic()
        self._room = ExitStack()
        self._tree = self._room.enter_context(clean_tree(project))
        self._pending: list[Future[ScannerStep]] = []
        self._static: StaticStep

    @classmethod
    def begin(
        cls,
        project: PluginProject,
        settings: Settings,
        *,
        workers: Workers,
        scanners: Sequence[Scanner] | None = None,
        watch: Watcher = ignore,
    ) -> Check:
        """Start the scanners and run our own analysis; :meth:`finish` or :meth:`abandon` has to follow."""
        scanners = scanners_for(settings) if scanners is None else scanners
        check = cls(project, settings, watch)
        try:
            check._scan(scanners, workers)
            with workers.analysing():
                check._static = check._step(STATIC, partial(static_step, project, settings), check._first_words)
        except BaseException:
            check.abandon()
            raise
        return check

    def finish(self) -> Report:
        """Wait for the scanners and report."""
        try:
            scans = [pending.result() for pending in self._pending]
        except BaseException:
            self.abandon()
            raise
        self._room.close()
        from theodore_plugin.engine.conclusion import conclude  # the rules, which the scanners did not wait for

        return conclude(self.project, self.settings, self._static, scans, time.monotonic() - self._started)

    def abandon(self) -> None:
        """Kill what still runs and remove the clean copy."""
        self._tree.stop.set()
        for pending in self._pending:
            pending.cancel()
        wait(self._pending)
        self._room.close()

    def _scan(self, scanners: Sequence[Scanner], workers: Workers) -> None:
        context = ScanContext(self.project, self.settings, self.settings.scan_seconds)
        pending = {
            scanner.name: workers.submit(
                partial(self._step, scanner.name, partial(scanner_step, scanner, self._tree, context))
            )
            for scanner in sorted(scanners, key=_turn)
        }
        self._pending = [pending[scanner.name] for scanner in scanners]

    def _step(self, name: str, step: Callable[[], Step], words: Callable[[Step], str] = lambda _: ENDED) -> Step:
        self._watch(name, STARTED)
        outcome = ENDED
        try:
            result = step()
            outcome = ENDED if self._watch is ignore else words(result)
            return result
        finally:
            self._watch(name, outcome)

    def _first_words(self, static: StaticStep) -> str:
        from theodore_plugin.engine.conclusion import first_words

        return first_words(self.project, self.settings, static)
