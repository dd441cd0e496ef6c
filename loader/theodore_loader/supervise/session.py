"""The processes of a session whose leader is gone, and with it the certainty that its number is nobody else's."""

from __future__ import annotations

import contextlib
import os
import signal


def send(leader: int, number: int) -> None:
    """Send a signal to every process of the session ``leader`` started; to none where that cannot be asked.

    Each is held by a pidfd before it is asked for its session, so what is signalled is what was asked.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - hundreds of names
            if name.isdecimal():
                _send_to_member(int(name), leader, number)


def _send_to_member(pid: int, leader: int, number: int) -> None:
    try:
        if os.getsid(pid) != leader:
            return
        held = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if os.getsid(pid) == leader:
            signal.pidfd_send_signal(held, number)
    except OSError:
        return
    finally:
        os.close(held)
