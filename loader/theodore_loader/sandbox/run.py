"""Run another program confined: analysers, installers and build backends, which all handle strangers' input.

The program is started through ``stage0`` in a session of its own. Its output is read up to a cap, its whole process
group is killed at the deadline, when it exits, and when the caller is interrupted; it dies with the calling thread.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from theodore_loader.errors import ConfigurationProblem, TierUnavailable, WorkerCrashed
from theodore_loader.sandbox import handover, programs
from theodore_loader.sandbox.order import Achieved
from theodore_loader.sandbox.profile import MIB, Profile

OUTPUT_CAP = 64 * MIB
_CHUNK = _STATUS_CAP = 65536
_STOP_POLL_SECONDS = 0.2
_LOADER = str(Path(__file__).resolve().parents[2])
_BOOT = "import sys; sys.path.append({loader!r}); from theodore_loader.sandbox.stage0 import main; main()"


@dataclass(frozen=True, slots=True)
class Completed:
    """How a confined program ended.

    ``returncode`` is negative for a signal, as in :mod:`subprocess`; ``truncated`` says that output went over the cap
    and the rest was thrown away.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    timed_out: bool
    achieved: Achieved
    seconds: float
    truncated: bool = False


def run_confined(
    argv: Sequence[str],
    profile: Profile,
    *,
    cwd: str | Path,
    env: Mapping[str, str],
    input: bytes | None = None,  # noqa: A002 - the name subprocess.run gave it
    timeout: float,
    output_cap: int = OUTPUT_CAP,
    stop: threading.Event | None = None,
) -> Completed:
    """Run ``argv`` under ``profile`` and return when it and everything it started has ended.

    Args:
        argv: the program (a path, or a name found on ``env["PATH"]``) and its arguments.
        profile: what it may do. The program itself, its ``#!`` interpreter and its loader are added to ``execute``.
        cwd: working folder; only ``profile`` decides whether it may be read.
        env: the whole environment; nothing is inherited.
        input: bytes for standard input, which is empty otherwise.
        timeout: seconds until the process group is killed.
        output_cap: bytes kept of standard output and of standard error.
        stop: when set (by another thread) the process group is killed as if the deadline had passed.

    Raises:
        ConfigurationProblem: there is no such program.
        TierUnavailable: the machine does not offer a layer and the profile does not allow a weaker tier.
        WorkerCrashed: the process ended before it was confined.

    """
    if sys.platform == "win32":
        raise TierUnavailable("programs cannot be confined on Windows", help="use Linux, or WSL 2")
    program = _find(argv[0], env, cwd)
    profile = _with_programs(profile, program)
    started = time.monotonic()
    with _started(cwd, env) as (process, channel):
        _request(channel, profile, [program, *argv[1:]])
        session = _Session(process, channel, input or b"", output_cap)
        timed_out = session.drive(started + timeout, stop or threading.Event())
        returncode = process.wait()
    achieved = _achieved(bytes(session.status), returncode, argv[0])
    return Completed(
        returncode=returncode,
        stdout=bytes(session.stdout),
        stderr=bytes(session.stderr),
        timed_out=timed_out,
        achieved=achieved,
        seconds=time.monotonic() - started,
        truncated=session.truncated,
    )


def _find(program: str, env: Mapping[str, str], cwd: str | Path) -> str:
    if os.sep in program:
        found: str | None = str(Path(cwd, program))
    else:
        found = shutil.which(program, path=env.get("PATH", ""))
    if found is None or not Path(found).exists():
        raise ConfigurationProblem(f"program not found: {program}", help="install it, or name it by its full path")
    return found


def _with_programs(profile: Profile, program: str) -> Profile:
    wanted = (program, *profile.execute)
    # By its own path, too: in a root of its own the links that lead to it have to be made.
    closures = (path for name in wanted for path in (str(Path.cwd() / name), *programs.closure(name)))
    return dataclasses.replace(profile, execute=tuple(dict.fromkeys(closures)))


@contextlib.contextmanager
def _started(cwd: str | Path, env: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            boot = _BOOT.format(loader=_LOADER)
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-c", boot, str(theirs.fileno())],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        with process:
            try:
                yield process, ours
            finally:
                _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:  # not reaped: the group's number cannot belong to anyone else yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _request(channel: socket.socket, profile: Profile, argv: list[str]) -> None:
    message = {
        "profile": profile.to_json().decode(),
        "argv": argv,
        "parent": os.getpid(),
        "filter": handover.pack(profile, runs_program=True),  # while the interpreter is starting
    }
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its death is diagnosed from the missing answer
        channel.sendall(json.dumps(message).encode())
        channel.shutdown(socket.SHUT_WR)


class _Session:
    """One program's streams, driven until it has exited and nothing holds them open any more."""

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket, data: bytes, cap: int) -> None:
        self.stdout, self.stderr, self.status = bytearray(), bytearray(), bytearray()
        self.truncated = False
        self._process, self._cap, self._input = process, cap, memoryview(data)
        self._selector = selectors.DefaultSelector()
        self._read(process.stdout, self.stdout)
        self._read(process.stderr, self.stderr)
        self._read(channel, self.status)
        self._write(process.stdin)

    def drive(self, deadline: float, stop: threading.Event) -> bool:
        """Move bytes until the end; return whether the deadline passed, or ``stop`` was set, first."""
        with self._selector, contextlib.closing(_ExitNotice(self._process)) as notice:
            self._selector.register(notice, selectors.EVENT_READ)
            while self._selector.get_map():
                remaining = deadline - time.monotonic()
                if remaining <= 0 or stop.is_set():
                    _kill_group(self._process)
                    return True
                self._step(notice, remaining)
        return False

    def _step(self, notice: _ExitNotice, remaining: float) -> None:
        for key, _ in self._selector.select(min(remaining, notice.poll_seconds, _STOP_POLL_SECONDS)):
            if key.fileobj is notice:
                continue
            if key.events & selectors.EVENT_WRITE:
                self._feed(key.fd)
            else:
                self._take(key.fileobj, key.fd, key.data)
        if notice.registered and notice.exited():
            self._selector.unregister(notice)
            notice.registered = False
            _kill_group(self._process)  # what it left behind must not keep the streams open

    def _read(self, source: IO[bytes] | socket.socket | None, into: bytearray) -> None:
        if source is not None:
            self._selector.register(source, selectors.EVENT_READ, into)

    def _write(self, sink: IO[bytes] | None) -> None:
        if sink is not None:
            os.set_blocking(sink.fileno(), False)
            self._selector.register(sink, selectors.EVENT_WRITE)

    def _take(self, source: Any, descriptor: int, into: bytearray) -> None:
        data = os.read(descriptor, _CHUNK)
        if not data:
            self._selector.unregister(source)
            return
        room = (_STATUS_CAP if into is self.status else self._cap) - len(into)
        into += data[:room]
        self.truncated = self.truncated or len(data) > room

    def _feed(self, descriptor: int) -> None:
        try:
            written = os.write(descriptor, self._input[:_CHUNK]) if self._input else 0
        except BlockingIOError:
            return
        except BrokenPipeError:  # it does not want the rest
            self._input = self._input[:0]
            written = 0
        self._input = self._input[written:]
        if not self._input and self._process.stdin is not None:
            self._selector.unregister(self._process.stdin)
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()


class _ExitNotice:
    """Readable when the process has exited, without reaping it: a pidfd, or polling where there is none."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._pid = process.pid
        self.registered = True
        self._descriptor, self._other_end, self.poll_seconds = self._open()

    def _open(self) -> tuple[int, int, float]:
        try:
            return os.pidfd_open(self._pid), -1, 3600.0
        except (AttributeError, OSError):
            never_ready, other_end = os.pipe()
            return never_ready, other_end, 0.05

    def fileno(self) -> int:
        return self._descriptor

    def exited(self) -> bool:
        state = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return state is not None

    def close(self) -> None:
        for descriptor in (self._descriptor, self._other_end):
            if descriptor >= 0:
                os.close(descriptor)


def _achieved(status: bytes, returncode: int, program: str) -> Achieved:
    """Read what stage 0 said; it is our own code, yet a process that died half-way says anything."""
    try:
        messages = [json.loads(line) for line in status.splitlines()]
    except ValueError:
        messages = []
    if not messages:
        raise WorkerCrashed(
            f"{program} was not started: the confining process ended with status {returncode}",
            status=returncode,
            help="raise memory_bytes or open_files of its profile if they are very low",
        )
    if "refused" in messages[0]:
        raise TierUnavailable(messages[0]["refused"], help=messages[0]["help"])
    if len(messages) > 1:
        number = messages[1]["errno"]
        raise ConfigurationProblem(f"{program} cannot be executed: {os.strerror(number)}", help="is it a program?")
    return Achieved.from_dict(messages[0]["achieved"])
