"""Three limiters. All take the time as an argument, so that their laws can be tested without waiting."""

from __future__ import annotations

from collections import deque


class TokenBucket:
    """Allow ``per_second`` events on average and ``burst`` at once; count what is refused."""

    __slots__ = ("_burst", "_rate", "_then", "_tokens", "refused")

    def __init__(self, per_second: float, burst: int) -> None:
        self._rate = per_second
        self._burst = float(burst)
        self._tokens = float(burst)
        self._then: float | None = None
        self.refused = 0

    def take(self, now: float) -> bool:
        """Return whether one more event is allowed at ``now`` (monotonic seconds)."""
        if self._then is not None:
            self._tokens = min(self._burst, self._tokens + max(0.0, now - self._then) * self._rate)
        self._then = now
        if self._tokens < 1.0:
            self.refused += 1
            return False
        self._tokens -= 1.0
        return True

    def take_refused(self) -> int:
        """Return how many events were refused since the last time somebody asked."""
        refused, self.refused = self.refused, 0
        return refused


class SlidingMinute:
    """Allow ``limit`` events in any 60 seconds, exactly."""

    __slots__ = ("_times", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._times: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Return whether one more event is allowed at ``now`` (monotonic seconds); a refused one is not counted."""
        while self._times and now - self._times[0] >= 60.0:
            self._times.popleft()
        if len(self._times) >= self.limit:
            return False
        self._times.append(now)
        return True


class MinuteSum:
    """Sum what was added in the last 60 seconds, in steps of a second."""

    __slots__ = ("_seconds", "limit", "total")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.total = 0
        self._seconds: deque[list[int]] = deque()

    def add(self, amount: int, now: float) -> None:
        """Add ``amount`` at ``now`` (monotonic seconds)."""
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += amount
        else:
            self._seconds.append([second, amount])
        self.total += amount

    def is_over(self, now: float) -> bool:
        """Return whether more than the limit was added in the minute before ``now``."""
        while self._seconds and now - self._seconds[0][0] >= 60.0:
            self.total -= self._seconds.popleft()[1]
        return self.total > self.limit
