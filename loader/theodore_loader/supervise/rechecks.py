"""Whether what was decided about a plugin still stands while it runs: asked from time to time, and on new grounds.

A revocation ends its worker. Whatever else would be decided otherwise by now, or is said against it, is told.
"""

from __future__ import annotations

import asyncio

from theodore_loader.errors import LoaderError
from theodore_loader.supervise.edition import Edition
from theodore_loader.supervise.life import Life
from theodore_loader.supervise.status import EventKind
from theodore_loader.supervise.tasks import Tasks
from theodore_loader.supervise.tenure import Tenure
from theodore_loader.supervise.violations import is_revoked


class Rechecks:
    """One plugin's, every so many ``seconds`` and as soon as an edition's ``grounds`` change."""

    def __init__(self, life: Life, tasks: Tasks, seconds: float) -> None:
        self._life = life
        self._tasks = tasks
        self._seconds = seconds

    def look(self, tenure: Tenure, now: float) -> None:
        """Ask about the edition of a running worker, in a task, where that is due."""
        grounds = tenure.edition.grounds()
        if grounds != tenure.checked_on or now - tenure.checked >= self._seconds:
            tenure.checked, tenure.checked_on = now, grounds
            self._tasks.start(self._recheck(tenure))

    def warn(self, edition: Edition) -> None:
        """Tell what was said against an edition when it was decided about."""
        for warning in edition.warnings:
            self._life.tell(EventKind.WARNED, edition, warning)

    async def _recheck(self, tenure: Tenure) -> None:
        try:
            warnings = await asyncio.to_thread(tenure.edition.recheck)
            self._warn_anew(tenure, tuple(warnings or ()))
        except LoaderError as problem:
            if is_revoked(problem):
                tenure.worker.end(problem)
            else:
                self._life.tell(EventKind.DOUBTED, tenure.edition, str(problem), pid=tenure.worker.pid)

    def _warn_anew(self, tenure: Tenure, warnings: tuple[str, ...]) -> None:
        """Tell what is said against a plugin that runs and was not said before."""
        for warning in warnings:
            if warning not in tenure.warned:
                self._life.tell(EventKind.WARNED, tenure.edition, warning, pid=tenure.worker.pid)
        tenure.warned = warnings
