"""The processes of a session whose leader is gone, and with it the certainty that its number is nobody else's."""

from __future__ import annotations

import contextlib
import os
import signal


def kill(leader: int) -> None:
    """Send SIGKILL to every process of the session ``leader`` started; nothing where that cannot be asked.

    Each is held by a pidfd before it is asked for its session, so what is signalled is what was asked.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - hundreds of names
            if name.isdecimal():
                _kill_member(int(name), leader)


def _kill_member(pid: int, leader: int) -> None:
    try:
        if os.getsid(pid) != leader:
            return
        held = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if os.getsid(pid) == leader:
            signal.pidfd_send_signal(held, signal.SIGKILL)
    except OSError:
        return
    finally:
        os.close(held)
