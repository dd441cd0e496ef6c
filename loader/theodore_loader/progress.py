"""Hearing how far a plugin's operation has come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from theodore_loader.channel.requests import Listener, listening


@contextmanager
def progress_to(listener: Listener) -> Iterator[None]:
    """Have ``listener`` called with a fraction (0 to 1) and a message while calls made in this block run.

    It is called on the event loop, some twenty times a second at most; what the plugin says in between is lost. The
    message is text from the plugin, in one printable line. An exception of the listener goes to the loop's handler.
    """
    token = listening.set(listener)
    try:
        yield
    finally:
        listening.reset(token)
