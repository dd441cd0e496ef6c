"""When a worker that has failed is tried again: the longer of the back-off's pause and the breaker's."""

from __future__ import annotations

from collections.abc import Callable

from theodore_loader.supervise.backoff import Backoff
from theodore_loader.supervise.breaker import Breaker
from theodore_loader.supervise.settings import Restarts


class RestartPolicy:
    """One plugin's; told of failures and starts, with the time of each."""

    def __init__(self, settings: Restarts, random: Callable[[], float]) -> None:
        self._healthy_seconds = settings.healthy_seconds
        self._backoff = Backoff(settings.first_seconds, settings.longest_seconds, random)
        self._breaker = Breaker(settings)

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open: calls fail at once instead of waiting."""
        return self._breaker.is_open()

    def failed(self, now: float, *, lived: float = 0.0) -> float:
        """Note a failure of a worker that had ``lived`` so many seconds; return the seconds until the next try."""
        if lived >= self._healthy_seconds:
            self._backoff.reset()
        self._breaker.failed(now)
        return max(self._backoff.next(), self._breaker.wait(now))

    def trying(self, now: float) -> None:
        """Note that a worker is started now."""
        self._breaker.tried(now)

    def reset(self) -> None:
        """Forget everything: somebody has looked into it."""
        self._backoff.reset()
        self._breaker.reset()
