"""A circuit breaker: what fails again and again is left alone for a while, and then tried by one worker.

::

    closed ──(most_failures within window)──▶ open ──(open_seconds)──▶ half-open ──(window without failure)──▶ closed
                                               ▲                          │
                                               └────────(one failure)─────┘

Time is given by the caller; nothing here waits.
"""

from __future__ import annotations

from collections import deque

from theodore_loader.supervise.settings import Restarts


class Breaker:
    """Told of every failure and asked before every try."""

    def __init__(self, settings: Restarts) -> None:
        self._settings = settings
        self._failures: deque[float] = deque(maxlen=settings.most_failures)
        self._opened: float | None = None
        self._probed: float | None = None

    def failed(self, now: float) -> None:
        """Count a failure; it may open the breaker."""
        on_probation = self.is_half_open(now)
        if self._probed is not None and not on_probation:
            self.reset()  # it had closed in the meantime
        self._failures.append(now)
        full = len(self._failures) == self._settings.most_failures
        if on_probation or (full and now - self._failures[0] <= self._settings.window_seconds):
            self._opened, self._probed = now, None

    def wait(self, now: float) -> float:
        """Return the seconds until something may be tried: 0 unless the breaker is open."""
        if self._opened is None or self._probed is not None:
            return 0.0
        return max(0.0, self._opened + self._settings.open_seconds - now)

    def tried(self, now: float) -> None:
        """Note that the one worker of a half-open breaker starts now; without effect on a closed one."""
        if self._opened is not None and self._probed is None:
            self._probed = now

    def is_open(self) -> bool:
        """Tell whether it is open: nothing runs, and nothing is being tried."""
        return self._opened is not None and self._probed is None

    def is_half_open(self, now: float) -> bool:
        """Tell whether one failure would open it again."""
        return self._probed is not None and now - self._probed <= self._settings.window_seconds

    def reset(self) -> None:
        """Close, and forget every failure."""
        self._failures.clear()
        self._opened = self._probed = None
