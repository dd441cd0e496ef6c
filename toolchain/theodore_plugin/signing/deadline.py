"""A time limit on what has none: the sigstore client waits for its services without end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from theodore_plugin.signing.oidc import SigningError


@contextmanager
def within_seconds(seconds: float, what: str) -> Iterator[None]:
    """Raise SigningError about ``what`` in the block once ``seconds`` have passed.

    The kernel's alarm interrupts whatever the block waits for. Only a program's main thread can be interrupted so; in
    other threads there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise SigningError(
            f"{what} has not answered within {seconds:.0f} s", help="nothing was written; try again, or ask its owner"
        )

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
