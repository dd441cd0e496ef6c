"""A shooting range: secrets outside every grant, servers nobody may reach, and a process that stands for the host.

What an attempt achieved is judged here, from evidence: a secret that came back, bytes that arrived, a file that
changed. What the attempt says about itself counts only where there is nothing else to see (``REACHED``, ``EXCEEDED``).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import MIB, Profile

ATTEMPT = Path(__file__).with_name("attempt.py")
LOADER = Path(__file__).parents[2] / "loader"
MEMORY_MIB, FILE_MIB, FILES, CPU_SECONDS = 192, 4, 64, 2

HOST = """
import ctypes, os, signal, sys
token = ctypes.create_string_buffer(sys.argv[1].encode())
def note(number, _frame):
    open(sys.argv[2], "a").write(f"{number}\\n")
for number in (signal.SIGUSR1, signal.SIGIO):
    signal.signal(number, note)
print(ctypes.addressof(token), flush=True)
while True:
    signal.pause()
"""


@dataclass
class Listener:
    """A server that keeps whatever arrives."""

    stream: socket.socket
    received: bytearray = field(default_factory=bytearray)

    def take(self) -> bytes:
        """Return what has arrived, waiting a little for the last bytes."""
        until = time.monotonic() + 0.2
        while time.monotonic() < until and select.select([self.stream], [], [], 0.05)[0]:
            self._take_one()
        return bytes(self.received)

    def _take_one(self) -> None:
        if self.stream.type == socket.SOCK_DGRAM:
            self.received += self.stream.recv(65536)
            return
        connection, _peer = self.stream.accept()
        with connection:
            connection.settimeout(0.5)
            with contextlib.suppress(OSError):
                while data := connection.recv(65536):
                    self.received += data


class Range:
    """One attempt's surroundings, below one folder; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = "canary-" + secrets.token_hex(8)
        self.programs: tuple[str, ...] = ()
        """Files that may be executed, as for a plugin that was granted one program."""
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Range:
        for name in ("work", "work-twin", "plugin", "vault"):
            (self.folder / name).mkdir()
        for name in ("vault/secret.txt", "work-twin/secret.txt", "vault/target.txt", "plugin/readable.txt"):
            (self.folder / name).write_text(f"canary {self.token}\n")
        self._listeners = [self._listen(*at) for at in self._addresses()]
        self._start_host()
        self.canary = self._canary()
        self._before = self._state()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._open.close()

    def _addresses(self) -> list[tuple[int, int, Any]]:
        name = f"theodore-{secrets.token_hex(8)}"
        self._abstract = "\0" + name
        self._socket_path = str(Path(tempfile.gettempdir(), name))
        return [
            (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            (socket.AF_UNIX, socket.SOCK_STREAM, self._abstract),
            (socket.AF_UNIX, socket.SOCK_DGRAM, self._socket_path),
        ]

    def _listen(self, family: int, kind: int, address: Any) -> Listener:
        stream = self._open.enter_context(socket.socket(family, kind))
        stream.bind(address)
        if kind == socket.SOCK_STREAM:
            stream.listen()
        if address == self._socket_path:
            self._open.callback(os.unlink, self._socket_path)
        return Listener(stream)

    def _start_host(self) -> None:
        self._signals = self.folder / "signals.txt"
        argv = [sys.executable, "-I", "-S", "-c", HOST, self.token, str(self._signals)]
        self.host = self._open.enter_context(subprocess.Popen(argv, stdout=subprocess.PIPE))
        self._open.callback(self.host.kill)
        assert self.host.stdout is not None
        self._address = int(self.host.stdout.readline())
        self._shared_name = f"theodore-{secrets.token_hex(8)}"
        shared = Path("/dev/shm", self._shared_name)
        if shared.parent.is_dir():
            shared.write_text(self.token.ljust(4096))
            self._open.callback(shared.unlink)
        self._shared_key = secrets.randbelow(2**30) + 1
        self._share_system_v()

    def _share_system_v(self) -> None:
        library = ctypes.CDLL(None)
        segment = library.shmget(self._shared_key, 4096, 0o1600)
        if segment < 0:
            return
        library.shmat.restype = ctypes.c_void_p
        address = library.shmat(segment, None, 0)
        ctypes.memmove(address, self.token.encode(), len(self.token))
        library.shmdt(ctypes.c_void_p(address))
        self._open.callback(library.shmctl, segment, 0, None)

    def _canary(self) -> dict[str, Any]:
        at = self.folder
        return {
            "token": self.token,
            "secret_path": str(at / "vault/secret.txt"),
            "secret_dir": str(at / "vault"),
            "twin_secret": str(at / "work-twin/secret.txt"),
            "sibling_secret": str(at / "work-twin/secret.txt"),
            "movable": str(at / "vault/secret.txt"),
            "target": str(at / "vault/target.txt"),
            "readable_target": str(at / "plugin/readable.txt"),
            "write_path": str(at / "vault/written.txt"),
            "plug_write": str(at / "plugin/written"),
            "plugdir": str(at / "plugin"),
            "workdir": str(at / "work"),
            "marker": str(at / "marker.txt"),
            "late_marker": str(at / "work/marker.txt"),
            "exfiltrated": str(at / "work/exfil.txt"),
            "port_file": str(at / "work/port.txt"),
            "port": self._listeners[0].stream.getsockname()[1],
            "udp_port": self._listeners[1].stream.getsockname()[1],
            "abstract": self._abstract,
            "socket_path": self._socket_path,
            "unix_dgram_path": self._socket_path,
            "host_pid": self.host.pid,
            "ppid": self.host.pid,
            "host_address": self._address,
            "shared_name": self._shared_name,
            "shm_name": self._shared_name,
            "shared_key": self._shared_key,
            "ctrl_fd": -1,
            "memory_mib": MEMORY_MIB,
            "file_mib": FILE_MIB,
            "files": FILES,
            "cpu_seconds": CPU_SECONDS,
        }

    def profile(self, *, limit_processor: bool) -> Profile:
        """Return what the attempt may do: read its own folder, write the work folder, and compute."""
        return Profile(
            read=(*interpreter.read_paths(), *self._roots(), str(LOADER), str(ATTEMPT.parent)),
            write=(str(self.folder / "work"),),
            memory_bytes=MEMORY_MIB * MIB,
            file_bytes=FILE_MIB * MIB,
            open_files=FILES,
            cpu_seconds=CPU_SECONDS if limit_processor else None,
            execute=self.programs,
            subprocesses=4 if self.programs else 0,
        )

    def _roots(self) -> list[str]:
        return [str(self.folder / "plugin"), sysconfig.get_path("purelib")]

    def shoot(self, mode: str, module: Path, case: str | None, goal: str, *, wait: float = 0.0) -> Shot:
        """Make the attempt in a process of its own and return what came of it."""
        plugin = self.folder / "plugin" / "case.py"
        shutil.copyfile(module, plugin)
        spec = {
            "mode": mode,
            "module": str(plugin),
            "case": case,
            "canary": self.canary,
            "profile": self.profile(limit_processor=goal in ("exceed", "dos")).to_json().decode(),
            "grants": ["rw:{data}/**"],
            "roots": self._roots(),
            "loader": str(LOADER),
        }
        file = self.folder / "spec.json"
        file.write_text(json.dumps(spec))
        over = threading.Event()
        visitor = threading.Thread(target=self._visit, args=(over,), daemon=True)
        if goal == "listen":
            visitor.start()
        leaked = os.open(self.canary["secret_path"], os.O_RDONLY)
        environment = {"THEODORE_SECRET": f"canary {self.token}"} if mode == "none" else {}
        try:
            done = _run([sys.executable, "-I", "-S", "-B", str(ATTEMPT), str(file)], leaked, environment)
        finally:
            os.close(leaked)
            over.set()
        if goal == "listen":
            visitor.join(8)
        time.sleep(wait)
        return Shot(self, goal, done)

    def _visit(self, over: threading.Event) -> None:
        """Connect to the port an attempt opened, as the outside would."""
        path = Path(self.canary["port_file"])
        while not path.exists() and not over.wait(0.02):
            pass
        if path.exists():
            with socket.create_connection(("127.0.0.1", int(path.read_text())), timeout=2) as connection:
                self._listeners[0].received += connection.recv(4096)

    def _state(self) -> dict[str, Any]:
        target, readable = Path(self.canary["target"]), Path(self.canary["readable_target"])
        return {
            "host": (
                os.getpriority(os.PRIO_PROCESS, self.host.pid),
                os.sched_getaffinity(self.host.pid),
                Path(f"/proc/{self.host.pid}/limits").read_text(),
            ),
            "tamper": [(at.read_bytes(), at.stat().st_mtime, at.stat().st_mode) for at in (target, readable)],
        }

    def changed(self, what: str) -> bool:
        """Say whether the host or the target is not what it was."""
        return bool(self._state()[what] != self._before[what])

    def arrived(self) -> bool:
        """Say whether the token reached any of the servers."""
        return any(self.token.encode() in listener.take() for listener in self._listeners)

    def signalled(self) -> bool:
        """Say whether the host got a signal."""
        time.sleep(0.1)
        return self._signals.exists()

    def holds_token(self, name: str) -> bool:
        """Say whether the file that ``canary[name]`` names holds the token."""
        path = Path(self.canary[name])
        return path.exists() and self.token in path.read_text(errors="replace")


@dataclass
class Shot:
    """One attempt's outcome."""

    range: Range
    goal: str
    output: str

    @property
    def attempted(self) -> bool:
        """Whether the case was at least imported, so that a failure is the sandbox's doing."""
        return "imported\n" in self.output

    @property
    def escaped(self) -> bool:
        """Whether the evidence says that it worked."""
        at, goal = self.range, self.goal
        came_back = at.token in self.output
        checks = {
            "read": lambda: came_back or at.holds_token("exfiltrated"),
            "token": lambda: came_back,
            "write": lambda: Path(at.canary["write_path"]).exists(),
            "plugwrite": lambda: Path(at.canary["plug_write"]).exists(),
            "tamper": lambda: at.changed("tamper"),
            "host": lambda: at.changed("host"),
            "exec": lambda: came_back or at.holds_token("marker"),
            "persist": lambda: at.holds_token("late_marker"),
            "connect": at.arrived,
            "listen": at.arrived,
            "signal": at.signalled,
            "surface": lambda: "REACHED" in self.output,
            "exceed": lambda: "EXCEEDED" in self.output,
            "meta": lambda: "watching;" in self.output,
        }
        return checks[goal]()


def _run(argv: list[str], leaked: int, environment: dict[str, str]) -> str:
    """Run to the end; what it left behind is killed with its group only after its evidence had time to appear."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        pass_fds=(leaked,),
        start_new_session=True,
        text=True,
        errors="replace",
    )
    try:
        return process.communicate(timeout=40)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0]
