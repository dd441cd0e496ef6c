"""Pauses between restarts: exponential, with full jitter.

The pause before try *n* is a random part of ``first * 2^n``, never more than a cap. Plugins that died together, of one
cause, then come back one by one (Brooker, "Exponential Backoff And Jitter", 2015).
"""

from __future__ import annotations

from collections.abc import Callable

_MOST_DOUBLINGS = 64
"""Beyond it every cap is reached; a larger exponent only makes a larger number."""


class Backoff:
    """Counts failures in a row; ``random`` gives a number from 0 to 1."""

    def __init__(self, first: float, longest: float, random: Callable[[], float]) -> None:
        self._first, self._longest, self._random = first, longest, random
        self._failures = 0

    def next(self) -> float:
        """Return how many seconds to wait before the next try; each call counts as one failure."""
        most = min(self._longest, self._first * 2.0 ** min(self._failures, _MOST_DOUBLINGS))
        self._failures += 1
        return self._random() * most

    def reset(self) -> None:
        """Begin again: what was tried last has worked for long enough."""
        self._failures = 0
