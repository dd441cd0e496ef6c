"""One worker process as its host holds it: watched through a pidfd, signalled, killed.

The exit is observed on a pidfd, so a pid that was given to somebody else is never signalled. Whose child the worker is
(this process's, or the zygote's) matters in one place: only its parent can take its exit status (:class:`Parent`).
Its group's number stays its own until then, because a process that has not been waited for keeps it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Protocol

from theodore_loader.supervise import session

_POLL_SECONDS = 0.02


class Settle(Protocol):
    """Takes a status as ``subprocess`` gives it, and what ended the worker where its status does not tell."""

    def __call__(self, status: int, cause: str | None = None) -> None:
        """Note that the worker has ended."""


class Parent(Protocol):
    """The process that a worker is a child of."""

    def keeps_number(self) -> bool:
        """Say whether the worker's number is still its own: it has not been waited for, and only we can have that."""

    def has_exited(self) -> bool:
        """Say whether the worker has ended, without waiting for it where that can be asked."""

    def reap(self, settle: Settle) -> None:
        """Take the status of a worker that has ended, and give it to ``settle`` now or on the event loop."""


class WorkerProcess:
    """A started worker.

    Attributes:
        pid: the process id, meaningful until :attr:`done`.
        pidfd: refers to this process and never to another; ``None`` where there are none, and once it has ended.
        done: the status as ``subprocess`` gives it; settles once nothing of the worker runs any more.
        started_by: ``zygote`` or ``spawn``, and why not the other, for the receipt.

    """

    def __init__(self, pid: int, parent: Parent, pidfd: int | None, *, started_by: str) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.started_by = started_by
        self._parent = parent
        self._cause: str | None = None
        self._reaped = False
        self._warden: WorkerProcess | None = None
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[int] = self._loop.create_future()
        if pidfd is None:
            self._loop.call_later(_POLL_SECONDS, self._poll)
        else:
            self._loop.add_reader(pidfd, self._exited)

    @property
    def has_zygote(self) -> bool:
        """Whether its parent is a zygote, which ends what it started when the host is killed."""
        return self.started_by == "zygote"

    @property
    def ending(self) -> str:
        """How it ended, in words: ``was ended by SIGSEGV``. Raises InvalidStateError while it runs."""
        return self._cause or describe(self.done.result())

    def kill(self) -> None:
        """Send SIGKILL to this process and all it started, and to no other; no error when it has ended."""
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send a signal to this process and all it started; no error when it has ended.

        Its group is the whole tree: what it starts cannot leave it (seccomp). A child of the zygote that has not made
        its group yet is met by the pidfd.
        """
        if self._reaped:
            return
        if self._parent.keeps_number():
            with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter: macOS, about zombies
                os.killpg(self.pid, number)
        else:
            session.send(self.pid, number)
        if self.pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    def has_exited(self) -> bool:
        """Say whether it has ended, which :attr:`done` may not have heard of yet."""
        return self._reaped or self._parent.has_exited()

    def orphaned(self, cause: str) -> None:
        """End a worker whose parent has ended, which is ``cause``."""
        if not self._reaped:
            self._cause = cause
            self.kill()

    def guarded_by(self, warden: WorkerProcess) -> None:
        """Have ``warden`` end with this process, and this process with it: without it, it would not be guarded."""
        self._warden = warden
        warden.done.add_done_callback(lambda _: self.orphaned("was ended together with its warden"))

    def _poll(self) -> None:
        if self._parent.has_exited():
            self._exited()
        else:
            self._loop.call_later(_POLL_SECONDS, self._poll)

    def _exited(self) -> None:
        self.kill()  # what it left behind, while the number is still its own
        self._reaped = True
        if self.pidfd is not None:
            self._loop.remove_reader(self.pidfd)
            if not self._parent.keeps_number():
                _reap_adopted(self.pidfd)
            os.close(self.pidfd)
            self.pidfd = None
        if self._warden is None:
            self._parent.reap(self._settle)
        else:
            self._warden.kill()
            self._warden.done.add_done_callback(lambda _: self._parent.reap(self._settle))

    def _settle(self, status: int, cause: str | None = None) -> None:
        self._cause = self._cause or cause
        if not self.done.done():
            self.done.set_result(status)


def _reap_adopted(pidfd: int) -> None:
    """Wait for a worker whose parent has ended, should it be our child now: we may be the init of a container."""
    with contextlib.suppress(OSError):
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)


def describe(status: int) -> str:
    """Return how a process ended, in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
