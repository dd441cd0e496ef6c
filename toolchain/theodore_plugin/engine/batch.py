"""Several checks in one process: their scanners run side by side, what they share is loaded once.

::

    project 1 ─> own rules ─┐      project 2 ─> own rules ─┐
                            ├─> Report 1                   ├─> Report 2   ...
              └> scanners ──┘                └> scanners ──┘

Our own analysis needs this process's only interpreter, so projects take turns at it; meanwhile the scanners of
those before and after run as processes of their own. Reports come in the order of the projects, and no more than
:data:`AHEAD` of them are under way, however many there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from theodore_loader.errors import LoaderError
from theodore_plugin.engine.run import Check, Watcher, ignore
from theodore_plugin.engine.workers import Workers
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import Report
from theodore_plugin.settings import Settings

AHEAD = 4
"""Checks whose scanners may be running or waiting while an earlier one is finished."""

Job = tuple[PluginProject, Settings]
Outcome = Report | LoaderError
"""What became of one target: a report, or why there is none."""


def check_all(jobs: Iterable[Job | LoaderError], *, watch: Watcher = ignore) -> Iterator[Outcome]:
    """Yield what becomes of each job, in their order; a target that could not be opened passes through."""
    waiting: deque[Check | LoaderError] = deque()
    with Workers() as workers:
        try:
            for job in jobs:
                waiting.append(_begun(job, workers, watch))
                if len(waiting) > AHEAD:
                    yield _finished(waiting.popleft())
            while waiting:
                yield _finished(waiting.popleft())
        finally:
            for check in waiting:
                if isinstance(check, Check):
                    check.abandon()


def _begun(job: Job | LoaderError, workers: Workers, watch: Watcher) -> Check | LoaderError:
    if isinstance(job, LoaderError):
        return job
    try:
        return Check.begin(*job, workers=workers, watch=watch)
    except LoaderError as problem:
        return problem


def _finished(check: Check | LoaderError) -> Outcome:
    if isinstance(check, LoaderError):
        return check
    try:
        return check.finish()
    except LoaderError as problem:
        return problem
