"""How a worker process comes to be: the protocol, and the way that works everywhere, a new interpreter.

The host is never forked by Python code: ``subprocess`` starts the interpreter with ``vfork`` and ``exec``. Launch from
a thread that lives as long as the host (the main thread): the kernel's parent-death signal fires when the starting
*thread* ends. The other way is ``zygote.Zygote``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from theodore_loader.supervise import diagnosis, runtime_use
from theodore_loader.supervise.process import Settle, WorkerProcess

BOOT = (
    "import gc, sys; gc.disable(); r, c, b, p = sys.argv[1:]; del sys.argv[1:]; sys.path.append(r)\n"
    "from theodore_loader.worker.main import main\n"
    "main(int(c), int(b), int(p))"
)
FLAGS = ("-I", "-S", "-B", "-u", "-X", "utf8", "-X", "frozen_modules=on")


@dataclass(frozen=True, slots=True)
class Ends:
    """The host's ends of what connects it to a worker."""

    channel: socket.socket
    broker: socket.socket
    stdout: BinaryIO
    stderr: BinaryIO

    def close(self) -> None:
        """Close what nobody has closed yet."""
        for end in (self.channel, self.broker, self.stdout, self.stderr):
            end.close()


@dataclass(frozen=True, slots=True)
class WorkerEnds:
    """The worker's, as descriptors."""

    channel: int
    broker: int
    stdout: int
    stderr: int


class Launcher(Protocol):
    """Starts worker processes for one host."""

    @property
    def runtime(self) -> Path:
        """The folder its workers import from."""

    def prepare(self) -> None:
        """Have ready soon what the next launch would wait for. Raises WorkerCrashed, like :meth:`launch`."""

    async def launch(self, folder: Path) -> tuple[WorkerProcess, Ends]:
        """Start a worker that works in ``folder`` and waits for the host's ``hello``.

        A launch that is cancelled or fails leaves neither process nor descriptor behind.

        Raises:
            WorkerCrashed: no process could be had; the message says why, the help what to do.

        """

    async def close(self) -> None:
        """Release what launching needed. Workers must have ended before."""


@contextmanager
def wired() -> Iterator[tuple[Ends, WorkerEnds]]:
    """Yield the host's and the worker's ends; the latter are closed at the end, after a failure the former too."""
    with ExitStack() as theirs, ExitStack() as ours:
        pairs = []
        for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            outer, inner = socket.socketpair(socket.AF_UNIX, kind)
            pairs.append((ours.enter_context(outer), theirs.enter_context(inner)))
        pipes = []
        for _ in range(2):
            reading, writing = os.pipe()
            theirs.callback(os.close, writing)
            pipes.append((ours.enter_context(os.fdopen(reading, "rb", 0)), writing))
        (channel, inner_channel), (broker, inner_broker) = pairs
        (stdout, inner_stdout), (stderr, inner_stderr) = pipes
        channel.setblocking(False)
        descriptors = WorkerEnds(inner_channel.fileno(), inner_broker.fileno(), inner_stdout, inner_stderr)
        yield Ends(channel, broker, stdout, stderr), descriptors
        ours.pop_all()


class Spawner:
    """Starts an interpreter for each worker: no memory, address layout or hash seed is shared with another.

    Args:
        runtime: the folder a worker imports from.
        interpreter: the Python to start; default: the running one.
        reason: why it is not the zygote, for the receipt.
        boot: the program it runs, with folder, channel, broker and host as arguments.

    """

    def __init__(self, runtime: Path, *, interpreter: str = sys.executable, reason: str = "", boot: str = BOOT) -> None:
        self._boot = boot
        self._in_use: int | None = None
        self.runtime = runtime
        self._interpreter = interpreter
        self._started_by = f"spawn: {reason}" if reason else "spawn"

    def prepare(self) -> None:
        """Mark the runtime as in use until :meth:`close`."""
        if self._in_use is None:
            self._in_use = runtime_use.hold(self.runtime)

    async def launch(self, folder: Path) -> tuple[WorkerProcess, Ends]:
        """Start a new interpreter. See :meth:`Launcher.launch`."""
        with diagnosis.explained(self._interpreter), wired() as (ends, inner):
            arguments = (str(self.runtime), str(inner.channel), str(inner.broker), str(os.getpid()))
            popen = start_interpreter(
                [self._interpreter, *FLAGS, "-c", self._boot, *arguments],
                folder,
                stdout=inner.stdout,
                stderr=inner.stderr,
                pass_fds=(inner.channel, inner.broker),
            )
            return WorkerProcess(popen.pid, OwnChild(popen), pidfd_of(popen.pid), started_by=self._started_by), ends

    async def close(self) -> None:
        """Let the runtime go."""
        if self._in_use is not None:
            os.close(self._in_use)
            self._in_use = None


def start_interpreter(
    command: list[str], folder: Path, *, stdout: int, stderr: int, pass_fds: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    """Start an interpreter that inherits nothing but ``pass_fds``, in a session of its own. Raises OSError."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=_environment(),
        cwd=folder,
        pass_fds=pass_fds,
        close_fds=True,
        start_new_session=True,
    )


class OwnChild:
    """Parent of a worker that this process started itself. Implements ``process.Parent``."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen

    def keeps_number(self) -> bool:
        """Nobody else waits for it."""
        return self._popen.returncode is None

    def has_exited(self) -> bool:
        """Say whether it has ended, without reaping it where that can be asked."""
        if not hasattr(os, "waitid"):
            return self._popen.poll() is not None
        return os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def reap(self, settle: Settle) -> None:
        """Take the status."""
        settle(self._popen.wait())


def pidfd_of(pid: int) -> int | None:
    """Return a pidfd, or ``None`` where the system has none; the exit is then polled for."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _environment() -> dict[str, str]:
    zone = os.environ.get("TZ", "")
    # A TZ that names a file would make the worker's C library read it before any layer holds.
    safe_zone = {"TZ": zone} if zone and zone.isascii() and not zone.startswith((":", "/", ".")) else {}
    return {"LANG": "C.UTF-8", **safe_zone}
