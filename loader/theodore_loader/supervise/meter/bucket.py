"""A rate of processor time, kept with a token bucket. Pure: takes readings and moments, answers with pauses.

Tokens are seconds of processor time. They arrive at the granted share and are spent by what the worker has really
used, so whatever was overspent between two looks is paid back by the next pause: the rate holds over time however
late a look comes. A full bucket lets short work run at full speed.
"""

from __future__ import annotations

BURST_SECONDS = 0.5
"""Processor time a rested worker may use at once."""
SLICE_SECONDS = 0.02
"""What a pause ends with in the bucket: shorter slices are fairer, longer ones cheaper."""
MAX_PAUSE_SECONDS = 30.0
"""No single pause is longer. Usual ones take hundredths of a second; a long one pays for threads, or for late looks."""
MIN_RUN_SECONDS = 0.005
MOST_DEBT_SECONDS = 60.0


class CpuBucket:
    """Processor time at ``share`` of one processor (0.25 is a quarter; 2.0 is two processors)."""

    __slots__ = ("_cpu", "_then", "share", "tokens")

    def __init__(self, share: float, now: float, cpu_seconds: float = 0.0) -> None:
        self.share = share
        self.tokens = BURST_SECONDS
        self._then, self._cpu = now, cpu_seconds

    def charge(self, now: float, cpu_seconds: float) -> None:
        """Spend what was used since the last look; ``cpu_seconds`` is the total since the start."""
        earned = max(0.0, now - self._then) * self.share
        spent = max(0.0, cpu_seconds - self._cpu)
        self.tokens = max(-MOST_DEBT_SECONDS, min(BURST_SECONDS, self.tokens + earned - spent))
        self._then, self._cpu = now, max(cpu_seconds, self._cpu)

    def pause(self) -> float:
        """Return for how long to hold the worker back now; 0 while there are tokens."""
        if self.tokens > 0:
            return 0.0
        return min((SLICE_SECONDS - self.tokens) / self.share, MAX_PAUSE_SECONDS)

    def lasts(self, processors: float) -> float:
        """Return the least time in which the tokens can run out on that many processors; infinite if they cannot."""
        drain = processors - self.share
        return max(self.tokens / drain, MIN_RUN_SECONDS) if drain > 0 else float("inf")
