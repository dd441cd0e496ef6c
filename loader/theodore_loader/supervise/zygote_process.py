"""The host's side of one zygote process: asks for forks, gets pidfds, has it reap what has ended."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from theodore_loader.errors import WorkerCrashed
from theodore_loader.supervise import diagnosis
from theodore_loader.supervise.launch import FLAGS, Ends, OwnChild, WorkerEnds, pidfd_of, start_interpreter, wired
from theodore_loader.supervise.output import CapturedOutput
from theodore_loader.supervise.packets import Packets, close_all
from theodore_loader.supervise.process import Settle, WorkerProcess
from theodore_loader.worker import fork_wire

START_SECONDS = 60.0
FORK_SECONDS = 15.0
REAP_SECONDS = 5.0
LAST_WORDS_SECONDS = 0.01
FORKS_AT_ONCE = 8
"""Each request has five descriptors on their way; the kernel bounds those of a user by the limit of open files."""
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF)
MEMORY_ERRORS = frozenset({-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGABRT})

_BOOT = (
    "import sys; r, c, p = sys.argv[1:]; del sys.argv[1:]; sys.path.append(r)\n"
    "from theodore_loader.worker.zygote import serve\n"
    "serve(int(c), int(p))"
)


class ZygoteGone(WorkerCrashed):
    """The zygote has ended, or does not answer. Another one may."""


class ZygoteProcess:
    """One zygote, started at once.

    Attributes:
        forks: how many workers it has been asked for.
        workers: those that have not been reaped, by pid.
        suspect: one of them ended as memory errors end: who tried addresses may have learnt some.

    """

    def __init__(self, runtime: Path, interpreter: str, *, line: Callable[[str], None]) -> None:
        self.forks = 0
        self.workers: dict[int, WorkerProcess] = {}
        self.suspect = False
        self._loop = asyncio.get_running_loop()
        self.born = self._loop.time()
        self._interpreter = interpreter
        self._ids = itertools.count(1)
        self._slots = asyncio.Semaphore(FORKS_AT_ONCE)
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._started.add_done_callback(_retrieve)
        self._forking: dict[int, asyncio.Future[WorkerProcess]] = {}
        self._reaping: dict[int, tuple[Settle, asyncio.TimerHandle]] = {}
        self._wanted = 0
        self._retired = False
        self._gone: str | None = None
        self._output = CapturedOutput(line)
        with diagnosis.explained(interpreter):
            self._start(runtime)

    def _start(self, runtime: Path) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reading, writing = os.pipe()
        self._pipe = os.fdopen(reading, "rb", 0)
        try:
            popen = start_interpreter(
                [self._interpreter, *FLAGS, "-c", _BOOT, str(runtime), str(theirs.fileno()), str(os.getpid())],
                Path("/"),
                stdout=writing,
                stderr=writing,
                pass_fds=(theirs.fileno(),),
            )
        except BaseException:
            ours.close()
            self._pipe.close()
            raise
        finally:
            theirs.close()
            os.close(writing)
        self._process = WorkerProcess(popen.pid, OwnChild(popen), pidfd_of(popen.pid), started_by="zygote")
        self._process.done.add_done_callback(lambda _: self._loop.call_later(LAST_WORDS_SECONDS, self._on_exit))
        self._packets = Packets(ours, self._on_packet)
        self._reading = self._loop.create_task(self._read_output())

    async def _read_output(self) -> None:
        await self._loop.connect_read_pipe(lambda: self._output, self._pipe)

    # the owner's side

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def started(self) -> None:
        """Return when it can fork.

        Raises:
            WorkerCrashed: it ended before, or took too long.

        """
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.shield(self._started)
        except TimeoutError:
            self._process.kill()
            raise WorkerCrashed(f"the zygote was not ready within {START_SECONDS:g} s{self._last_words()}") from None

    async def fork(self, folder: Path) -> tuple[WorkerProcess, Ends]:
        """Return a new worker; one that is not wanted any more when it arrives is killed.

        Raises:
            ZygoteGone: this zygote cannot.
            WorkerCrashed: no process or descriptor could be had.

        """
        self.forks += 1
        self._wanted += 1
        try:
            return await self._fork(folder)
        finally:
            self._wanted -= 1
            self._end_if_unused()

    async def _fork(self, folder: Path) -> tuple[WorkerProcess, Ends]:
        async with self._slots:
            with diagnosis.explained(self._interpreter), wired() as (ends, inner), _opened(folder) as directory:
                return await self._forked(inner, directory), ends

    async def _forked(self, inner: WorkerEnds, directory: int) -> WorkerProcess:
        number = next(self._ids)
        packet = fork_wire.encode(fork_wire.Fork(number))
        answer = self._ask(number, packet, (inner.channel, inner.broker, inner.stdout, inner.stderr, directory))
        try:
            async with asyncio.timeout(FORK_SECONDS):
                return await asyncio.shield(answer)
        except TimeoutError:
            answer.add_done_callback(_kill)
            self.suspect = True
            raise ZygoteGone(f"the zygote did not answer within {FORK_SECONDS:g} s") from None
        except asyncio.CancelledError:
            answer.add_done_callback(_kill)
            raise
        finally:
            self._packets.withdraw(packet)

    def _ask(self, number: int, packet: bytes, descriptors: Sequence[int]) -> asyncio.Future[WorkerProcess]:
        if self._gone is not None:
            raise ZygoteGone("the zygote that workers are forked from has ended")
        try:
            self._packets.send(packet, descriptors)
        except OSError as problem:
            if problem.errno not in _GONE:
                raise
            raise ZygoteGone("the zygote has closed its socket") from None
        answer = self._forking[number] = self._loop.create_future()
        answer.add_done_callback(_retrieve)
        return answer

    def retire(self) -> None:
        """End it as soon as its last worker has ended."""
        self._retired = True
        self._end_if_unused()

    def _end_if_unused(self) -> None:
        if self._retired and not self.workers and not self._wanted:
            self._process.kill()

    async def close(self) -> None:
        """End it, and with it whatever worker is left."""
        self._process.kill()
        await asyncio.wait([self._process.done])
        self._on_exit()
        await asyncio.wait([self._reading])
        self._output.close()
        self._pipe.close()

    # the parent of its workers

    def is_running(self) -> bool:
        """Say whether it has not been waited for nor ended: then whatever it has not reaped keeps its number."""
        return self._gone is None and not self._process.has_exited()

    def reap(self, pid: int, settle: Settle) -> None:
        """Have it take the status of a worker that has ended."""
        if self._gone is not None:
            self._reaped(pid, settle, -signal.SIGKILL, self._gone)
            return
        self._reaping[pid] = settle, self._loop.call_later(REAP_SECONDS, self._give_up_on, pid)
        try:
            self._packets.send(fork_wire.encode(fork_wire.Reap(pid)))
        except OSError:
            return  # it has ended, which _on_exit is about to say

    def _reaped(self, pid: int, settle: Settle, status: int, cause: str | None = None) -> None:
        self.workers.pop(pid, None)
        self.suspect = self.suspect or status in MEMORY_ERRORS
        settle(status, cause)
        self._end_if_unused()

    def _settle(self, pid: int, status: int, cause: str | None = None) -> None:
        """Hand over a status that was asked for; one that comes too late is nobody's any more."""
        settle, timer = self._reaping.pop(pid, (None, None))
        if settle is not None and timer is not None:
            timer.cancel()
            self._reaped(pid, settle, status, cause)

    def _give_up_on(self, pid: int) -> None:
        self.suspect = True
        self._settle(pid, -signal.SIGKILL, "has ended, and the zygote does not say how")

    # the zygote's side

    def _on_packet(self, packet: bytes, descriptors: Sequence[int]) -> None:
        if not packet:
            self._process.kill()  # without a socket it is of no use
            return
        message = fork_wire.decode_from_zygote(packet)
        if isinstance(message, fork_wire.Forked):
            self._on_forked(message, descriptors)
            return
        close_all(descriptors)
        if isinstance(message, fork_wire.Failed):
            problem = OSError(message.errno, os.strerror(message.errno))
            self._forking.pop(message.id).set_exception(problem)
        elif isinstance(message, fork_wire.Reaped):
            self._settle(message.pid, message.status)
        elif not self._started.done():
            self._started.set_result(None)

    def _on_forked(self, message: fork_wire.Forked, descriptors: Sequence[int]) -> None:
        answer = self._forking.pop(message.id)
        if not descriptors:  # the kernel had to leave it out: this process has no free number
            self._packets.send(fork_wire.encode(fork_wire.Drop(message.pid)))
            answer.set_exception(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
            return
        worker = WorkerProcess(message.pid, _Parent(self, message.pid), descriptors[0], started_by="zygote")
        self.workers[message.pid] = worker
        answer.set_result(worker)

    def _on_exit(self) -> None:
        """Let nobody wait for it any more. Its workers die with it, by the kernel; they are killed all the same."""
        if self._gone is not None:
            return
        self._gone = f"was ended together with its zygote, which {self._process.ending}{self._last_words()}"
        self._packets.close()
        for worker in list(self.workers.values()):
            worker.orphaned(self._gone)
        for pid in list(self._reaping):
            self._settle(pid, -signal.SIGKILL, self._gone)
        status, ending = self._process.done.result(), self._process.ending
        problem = diagnosis.of_exit("the zygote that workers are forked from", status, ending, self._output.tail)
        if not self._started.done():
            self._started.set_exception(problem)
        for answer in self._forking.values():
            answer.set_exception(ZygoteGone(problem.message, status=problem.status, help=problem.help))
        self._forking.clear()

    def _last_words(self) -> str:
        return diagnosis.last_words(self._output.tail)


class _Parent:
    """A zygote as the parent of one worker. Implements ``process.Parent``."""

    def __init__(self, zygote: ZygoteProcess, pid: int) -> None:
        self._zygote = zygote
        self._pid = pid

    def keeps_number(self) -> bool:
        """Nobody but the zygote waits for it, and the zygote only when it is told to."""
        return self._zygote.is_running()

    def has_exited(self) -> bool:
        """Never asked: a worker of a zygote has a pidfd."""
        return False

    def reap(self, settle: Settle) -> None:
        """Have the zygote take the status."""
        self._zygote.reap(self._pid, settle)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _kill(answer: asyncio.Future[WorkerProcess]) -> None:
    """End a worker nobody waits for any more."""
    if not answer.cancelled() and answer.exception() is None:
        answer.result().kill()


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Mark an exception as seen: whoever asked may have been cancelled."""
    if not future.cancelled():
        future.exception()
