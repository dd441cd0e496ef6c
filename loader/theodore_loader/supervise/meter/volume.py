"""How much a worker may say: characters a second, whatever they come as (output, standard error, its loggers).

Lines are limited in number where they are read (``channel/unasked.py``, ``supervise/output.py``) and in length; without
this, the most lines of the most length would still be megabytes a second in the host's log.
"""

from __future__ import annotations

CHARACTERS_PER_SECOND = 128 * 1024
BURST = 4 * CHARACTERS_PER_SECOND


class LogVolume:
    """A bucket of characters; what does not fit is dropped and counted, and the next line that fits says so."""

    __slots__ = ("_dropped", "_then", "_tokens")

    def __init__(self) -> None:
        self._tokens = float(BURST)
        self._then: float | None = None
        self._dropped = 0

    def take(self, characters: int, now: float) -> bool:
        """Return whether a line of that many characters may go on at ``now`` (monotonic seconds)."""
        if self._then is not None:
            self._tokens = min(BURST, self._tokens + max(0.0, now - self._then) * CHARACTERS_PER_SECOND)
        self._then = now
        if characters > self._tokens:
            self._dropped += 1
            return False
        self._tokens -= characters
        return True

    def take_dropped(self) -> int:
        """Return how many lines were dropped since the last time somebody asked."""
        dropped, self._dropped = self._dropped, 0
        return dropped
