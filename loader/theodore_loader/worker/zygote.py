"""The zygote: has imported everything a worker needs, and becomes one by forking when the host asks (``fork_wire``).

It is started like a worker, holds nothing of any plugin, gives up its privileges, and has one thread, so that a fork
copies all there is. Its children share its address layout and hash seed; the host replaces it from time to time, and
as soon as a worker ended in a way that memory errors end.

A child first makes sure that it cannot outlive its zygote, then takes over its own descriptors and closes every
other, and goes on as any worker does (``main``). Its randomness is its own: ``random`` seeds itself anew after a fork,
and so does OpenSSL. Nobody but the zygote can wait for it, so that its number stays its
own until the host has seen it end and says ``reap``. End of file from the host, or its death, ends the zygote; not
before it has ended every worker and the programs they started, which would not end by themselves (``warden``).
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
from types import FrameType
from typing import NoReturn

from theodore_loader.sandbox import descriptors, privileges
from theodore_loader.worker import fork_wire, main, warden
from theodore_loader.worker.preload import preload
from theodore_loader.worker.rehearsal import rehearse

MEMORY_BYTES = 512 * 1024 * 1024


def serve(control_fd: int, host: int) -> NoReturn:
    """Prepare, then fork workers until the host ``host`` is done."""
    privileges.drop()
    os.set_inheritable(control_fd, False)
    control = socket.socket(fileno=control_fd)
    zygote = _Zygote(control)
    warden.told_of_end_of(host, zygote.host_ended)
    _limit()
    _prepare()
    control.send(fork_wire.encode(fork_wire.Started(os.getpid())))
    zygote.serve()
    zygote.end_workers()
    os._exit(0)


def _limit() -> None:
    """Bound what the zygote itself may use. Soft limits only: a worker sets its own, and must be able to raise them.

    Its descriptors are not bounded: of a process without privileges the kernel holds against that limit whatever its
    *user* has on the way between processes, other hosts' included.
    """
    import resource

    for which, soft in (
        (resource.RLIMIT_DATA, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(which)[1]
        resource.setrlimit(which, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _prepare() -> None:
    """Import and compute once what every worker would; afterwards the collector leaves those pages alone."""
    preload(extension_modules=True)
    rehearse()
    gc.collect()
    gc.disable()
    gc.freeze()


class _Zygote:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pid = os.getpid()
        self._children: set[int] = set()
        self._dropped: set[int] = set()

    def host_ended(self, number: int, _frame: FrameType | None) -> None:
        """End with every worker and all they started, at whatever point this is: nobody can ask for them any more."""
        if os.getpid() == self._pid:
            self.end_workers()
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def end_workers(self) -> None:
        """Kill the workers' groups: none of their numbers is anybody else's before they are reaped, which is here."""
        for pid in self._children:
            warden.end_group(pid)
            os.kill(pid, signal.SIGKILL)  # one that has no group yet, and has started nothing

    def serve(self) -> None:
        """Answer the host until it closes its end."""
        while True:
            packet, received, _flags, _address = socket.recv_fds(
                self._control, fork_wire.MAX_PACKET, fork_wire.FORK_DESCRIPTORS
            )
            if not packet:
                return
            self._bury()
            message = fork_wire.decode_for_zygote(packet)
            if isinstance(message, fork_wire.Fork):
                self._fork(message.id, received)
            elif isinstance(message, fork_wire.Reap):
                self._reap(message.pid)
            else:
                self._drop(message.pid)

    def _fork(self, number: int, received: list[int]) -> None:
        problem = 0 if len(received) == fork_wire.FORK_DESCRIPTORS else errno.EMFILE
        pid = -1
        if not problem:
            try:
                pid = os.fork()
            except OSError as failed:
                problem = failed.errno or errno.EAGAIN
        if pid == 0:
            self._become_worker(received)
        for descriptor in received:
            os.close(descriptor)
        if problem:
            self._send(fork_wire.Failed(number, problem))
        else:
            self._children.add(pid)
            self._announce(number, pid)

    def _announce(self, number: int, pid: int) -> None:
        try:
            pidfd = os.pidfd_open(pid)
            try:
                socket.send_fds(self._control, [fork_wire.encode(fork_wire.Forked(number, pid))], [pidfd])
            finally:
                os.close(pidfd)
        except OSError as problem:
            self._drop(pid)
            self._send(fork_wire.Failed(number, problem.errno or errno.EMFILE))

    def _become_worker(self, received: list[int]) -> NoReturn:
        try:
            signal.signal(warden.HOST_ENDED, signal.SIG_DFL)
            privileges.die_with_parent(self._pid)
            self._control.close()
            self._children.clear()  # a plugin can look up its stack to here
            self._dropped.clear()
            channel, broker, stdout, stderr, folder = received
            os.setsid()
            os.fchdir(folder)
            _open_no_input()
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            descriptors.close_all_except((0, 1, 2, channel, broker))
            main.main(channel, broker, self._pid)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(1)

    def _reap(self, pid: int) -> None:
        """Take the status of a child that has ended; the host knows that from its pidfd."""
        if pid not in self._children:
            return
        self._children.discard(pid)
        _, status = os.waitpid(pid, 0)
        self._send(fork_wire.Reaped(pid, os.waitstatus_to_exitcode(status)))

    def _drop(self, pid: int) -> None:
        if pid in self._children:
            self._children.discard(pid)
            os.kill(pid, signal.SIGKILL)
            self._dropped.add(pid)
            self._bury()

    def _bury(self) -> None:
        """Reap what was dropped, as far as it has ended: nothing may keep the zygote waiting."""
        self._dropped -= {pid for pid in self._dropped if os.waitpid(pid, os.WNOHANG)[0]}

    def _send(self, message: fork_wire.FromZygote) -> None:
        self._control.send(fork_wire.encode(message))


def _open_no_input() -> None:
    """Open an empty standard input of one's own: flags of the one that was inherited would be every worker's."""
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
