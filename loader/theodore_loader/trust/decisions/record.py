"""Appending to the record: one line a decision, under a lock, before the decision takes effect.

What is guaranteed: an entry is handed to the kernel before :meth:`Decisions.record` returns, so a killed process loses
none. Decisions that change this host (install, upgrade, revocation lists) are on disk by then. Those that are made many
times a second (load, reload, verify) are flushed together, :data:`FLUSH_AFTER` seconds after the first of them: a power
cut, which ends what was loaded too, can take that much.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from contextlib import suppress
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.trust.decisions.appending import Appender
from theodore_loader.trust.decisions.decision import Decision

RULE = "decision-not-recorded"
FLUSH_AFTER = 0.5
"""Seconds after which entries that need not be on disk at once are flushed."""
_AT_ONCE = frozenset({"install", "upgrade", "revocations"})


class Decisions:
    """The record of one state folder; several threads, processes and hosts may append at once."""

    def __init__(self, home: Path) -> None:
        self._flusher = _Flusher(Appender(home / "decisions"))
        _FLUSHERS.add(self._flusher)

    def record(self, decision: Decision) -> None:
        """Append a decision.

        Raises:
            Refused: it cannot be recorded (``decision-not-recorded``), and so must not take effect.

        """
        try:
            self._flusher.append(decision)
        except (OSError, ConfigurationProblem) as problem:
            raise _not_recorded(decision, problem) from problem

    def flush(self) -> None:
        """Put on disk what was recorded so far. Raises OSError if that fails."""
        self._flusher.flush()


class _Flusher:
    """Groups what need not be on disk at once. While something waits, the timer keeps it alive.

    Nothing is done when it is collected: that can happen anywhere, also in a thread that holds the record's lock.
    """

    def __init__(self, appender: Appender) -> None:
        self._appender = appender
        self._guard = threading.RLock()
        self._timer: threading.Timer | None = None

    def append(self, decision: Decision) -> None:
        at_once = decision.purpose in _AT_ONCE
        with self._guard:
            self._appender.append(decision)
            if not at_once and self._timer is None:
                self._timer = threading.Timer(FLUSH_AFTER, self.flush_quietly)
                self._timer.daemon = True
                self._timer.start()
        if at_once:
            self.flush()

    def flush(self) -> None:
        with self._guard:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        self._appender.flush()  # a disk takes its time, and nobody who decides waits for it

    def flush_quietly(self) -> None:
        """Flush where nobody can be told of a failure; the kernel has the entries, and tries again."""
        with suppress(OSError, ConfigurationProblem):
            self.flush()


_FLUSHERS: weakref.WeakSet[_Flusher] = weakref.WeakSet()


@atexit.register
def _flush_all() -> None:
    for flusher in list(_FLUSHERS):
        flusher.flush_quietly()


def _not_recorded(decision: Decision, problem: OSError | ConfigurationProblem) -> Refused:
    what = (problem.strerror if isinstance(problem, OSError) else problem.message) or str(problem)
    place = f" in {problem.filename}" if isinstance(problem, OSError) and problem.filename else ""
    return Refused(
        RULE,
        f"the decision about {decision.plugin or 'a list'} ({decision.outcome}) cannot be recorded{place}: {what}",
        help="make room, or make the state folder writable; what is not recorded is not done",
    )
