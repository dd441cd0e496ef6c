"""One worker process: started, watched through a pidfd, killed.

The host is never forked by Python code: ``subprocess`` starts the interpreter with ``vfork`` and ``exec``. The exit
is observed on a pidfd, so a pid that was given to somebody else is never signalled. Start workers from a thread that
lives as long as the host (the main thread): the kernel's parent-death signal fires when the starting *thread* ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.02
_BOOT = (
    "import sys; r, c, b, p = sys.argv[1:]; sys.path.append(r)\n"
    "from theodore_loader.worker.main import main\n"
    "main(int(c), int(b), int(p))"
)


@dataclass(frozen=True, slots=True)
class Ends:
    """The host's ends of what connects it to a worker."""

    channel: socket.socket
    broker: socket.socket
    stdout: int
    stderr: int


class WorkerProcess:
    """A started worker. ``exited`` is called once, on the event loop, with the status as ``subprocess`` gives it."""

    def __init__(self, popen: subprocess.Popen[bytes], exited: Callable[[int], None]) -> None:
        self._popen = popen
        self._exited = exited
        self._loop = asyncio.get_running_loop()
        self.done = self._loop.create_future()
        self._pidfd = _pidfd(popen.pid)
        if self._pidfd is None:
            self._loop.call_later(_POLL_SECONDS, self._poll)
        else:
            self._loop.add_reader(self._pidfd, self._reap)

    @property
    def pid(self) -> int:
        """The process id, meaningful until :attr:`done`."""
        return self._popen.pid

    def kill(self) -> None:
        """Send SIGKILL to this process and all it started, and to no other; no error when it has ended.

        Its group is the whole tree: what it starts cannot leave it (seccomp). The number is nobody else's until the
        process has been reaped, which only :meth:`_reap` does.
        """
        if self.done.done() or self._popen.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter: macOS, about zombies
            os.killpg(self._popen.pid, signal.SIGKILL)

    def _poll(self) -> None:
        if not self._has_exited():
            self._loop.call_later(_POLL_SECONDS, self._poll)
        else:
            self._reap()

    def _has_exited(self) -> bool:
        """Say whether it has ended, without reaping it where that can be asked."""
        if not hasattr(os, "waitid"):
            return self._popen.poll() is not None
        return os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _reap(self) -> None:
        self.kill()  # what it left behind
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        status = self._popen.wait()
        if not self.done.done():
            self.done.set_result(status)
            self._exited(status)


def start(runtime: Path, folder: Path) -> tuple[subprocess.Popen[bytes], Ends]:
    """Start an interpreter that will serve two descriptors; ``folder`` is its working directory.

    Raises:
        OSError: no process or descriptor could be had.

    """
    channel, inner_channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    broker, inner_broker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with inner_channel, inner_broker:
        try:
            popen = _start(runtime, folder, inner_channel.fileno(), inner_broker.fileno())
        except BaseException:
            channel.close()
            broker.close()
            raise
    assert popen.stdout is not None  # noqa: S101 - both are pipes
    assert popen.stderr is not None  # noqa: S101
    stdout, stderr = os.dup(popen.stdout.fileno()), os.dup(popen.stderr.fileno())
    popen.stdout.close()
    popen.stderr.close()
    channel.setblocking(False)
    return popen, Ends(channel, broker, stdout, stderr)


def _start(runtime: Path, folder: Path, channel: int, broker: int) -> subprocess.Popen[bytes]:
    python = [sys.executable, "-I", "-S", "-B", "-u", "-X", "utf8"]
    return subprocess.Popen(
        [*python, "-c", _BOOT, str(runtime), str(channel), str(broker), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        cwd=folder,
        pass_fds=(channel, broker),
        close_fds=True,
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    zone = os.environ.get("TZ", "")
    # A TZ that names a file would make the worker's C library read it before any layer holds.
    safe_zone = {"TZ": zone} if zone and zone.isascii() and not zone.startswith((":", "/", ".")) else {}
    return {"LANG": "C.UTF-8", **safe_zone}


def _pidfd(pid: int) -> int | None:
    """Return a pidfd, or ``None`` where the system has none; the exit is then polled for."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def describe(status: int) -> str:
    """Return how a process ended, in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
