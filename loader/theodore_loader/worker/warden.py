"""The warden: waits for the end of the host, and then ends what one worker has started.

A worker dies with its parent, by the kernel. The programs it started do not, and neither do theirs. They cannot leave
its process group, so whoever has that group's number ends them all, at once and without a race: the kernel lets no
process fork away from under a signal to its group. A forked worker has its zygote for that; one that was started by
itself and may start programs has a warden, which is a child of the host like the worker, and outlives it by moments.

It knows of the host's end by a pipe that nobody writes to, and by the parent-death signal, should a child that the
host forked keep that pipe open. It reads nothing and takes no orders.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from theodore_loader.sandbox import privileges

HOST_ENDED = signal.SIGTERM
"""What the kernel sends to those who are to end workers when the host has ended."""

_TO_GROUP = 4  # PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9


def guard(leader: int, handle: int, life: int, host: int) -> NoReturn:
    """End the group of ``leader`` when ``host`` has ended.

    Args:
        leader: process id of the worker, which is the number of its group too.
        handle: its pidfd, or -1 where the system has none.
        life: the end of a pipe whose other end is the host's alone.
        host: process id of the host.

    """

    def end(_number: int = 0, _frame: FrameType | None = None) -> NoReturn:
        end_group(leader, handle)
        os._exit(0)

    privileges.drop()
    told_of_end_of(host, end)
    os.read(life, 1)
    end()


def told_of_end_of(host: int, end: Callable[[int, FrameType | None], object]) -> None:
    """Have ``end`` run as soon as the host has ended, or now if it has."""
    signal.signal(HOST_ENDED, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (HOST_ENDED,))  # a host may have it blocked, and children inherit that
    privileges.signal_with_parent(HOST_ENDED)
    if os.getppid() != host:
        signal.raise_signal(HOST_ENDED)


def end_group(leader: int, handle: int = -1) -> None:
    """Kill every process in the group of ``leader``. With a ``handle`` of it, nobody who has its number by now."""
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL, None, _TO_GROUP)
    except ProcessLookupError:
        return  # nobody is in it
    except (AttributeError, OSError):  # no handle, or an older kernel
        with contextlib.suppress(OSError):
            os.killpg(leader, signal.SIGKILL)
