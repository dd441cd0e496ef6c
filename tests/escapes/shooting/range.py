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
import shutil
import socket
import struct
import sysconfig
import tempfile
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from shooting.evidence import Listener, Shot, host_state, target_state
from shooting.gallery import ATTEMPT, LOADER, Gallery, run_alone
from shooting.techniques import Technique
from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.programs import closure

MEMORY_MIB, DISK_MIB, FILES, CPU_SECONDS = 192, 16, 64, 1
IPC_PRIVATE_MODE, READ_ONLY = 0o1600, 0o10000


class Range:
    """One attempt's surroundings, below one folder; a context manager."""

    def __init__(self, folder: Path, gallery: Gallery) -> None:
        self.folder = folder
        self.token = "canary-" + secrets.token_hex(8)
        self.programs: tuple[str, ...] = ()
        """Files that may be executed, as for a plugin that was granted one program."""
        self._gallery = gallery
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Range:
        for name in ("work", "work-twin", "plugin", "vault"):
            (self.folder / name).mkdir()
        for name in ("vault/secret.txt", "work-twin/secret.txt", "vault/target.txt", "plugin/readable.txt"):
            (self.folder / name).write_text(f"canary {self.token}\n")
        (self.folder / "vault/hidden.py").write_text(f"SECRET = 'canary {self.token}'\n")
        (self.folder / "vault/zone").write_bytes(time_zone(self.token))
        self.listeners = [self._listen(*at) for at in self._addresses()]
        self._start_host()
        self.canary = self._canary()
        self._before = (host_state(self.host), target_state(self._targets()))
        return self

    def __exit__(self, *_exception: object) -> None:
        self._open.close()

    # what there is

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
        self.signals = self.folder / "signals.txt"
        place = self._gallery.start_host(self.token, self.signals, self.folder / "vault/secret.txt")
        self.host, self._address, self._descriptor = place["pid"], place["address"], place["descriptor"]
        self._open.callback(self._gallery.end_host, self.host)
        self._shared_name = f"theodore-{secrets.token_hex(8)}"
        shared = Path("/dev/shm", self._shared_name)
        if shared.parent.is_dir():
            shared.write_text(self.token.ljust(4096))
            self._open.callback(shared.unlink)
        self._shared_key = secrets.randbelow(2**30) + 1
        self._share_system_v()

    def _share_system_v(self) -> None:
        library = ctypes.CDLL(None)
        segment = library.shmget(self._shared_key, 4096, IPC_PRIVATE_MODE)
        if segment < 0:
            return
        library.shmat.restype = ctypes.c_void_p
        address = library.shmat(segment, None, 0)
        ctypes.memmove(address, self.token.encode(), len(self.token))
        library.shmdt(ctypes.c_void_p(address))
        self._open.callback(library.shmctl, segment, 0, None)

    def _targets(self) -> list[Path]:
        return [self.folder / "vault/target.txt", self.folder / "plugin/readable.txt"]

    def _canary(self) -> dict[str, Any]:
        at = self.folder
        return {
            "token": self.token,
            "secret_path": str(at / "vault/secret.txt"),
            "secret_dir": str(at / "vault"),
            "twin_secret": str(at / "work-twin/secret.txt"),
            "sibling_secret": str(at / "work-twin/secret.txt"),
            "movable": str(at / "vault/secret.txt"),
            "zone": str(at / "vault/zone"),
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
            "host": "127.0.0.1",
            "port": self.listeners[0].stream.getsockname()[1],
            "udp_port": self.listeners[1].stream.getsockname()[1],
            "abstract": self._abstract,
            "socket_path": self._socket_path,
            "unix_dgram_path": self._socket_path,
            "host_pid": self.host,
            "ppid": self.host,
            "host_address": self._address,
            "host_descriptor": self._descriptor,
            "shared_name": self._shared_name,
            "shm_name": self._shared_name,
            "shared_key": self._shared_key,
            "ctrl_fd": -1,
            "memory_mib": MEMORY_MIB,
            "file_mib": DISK_MIB,
            "disk_seconds": 1,
            "files": FILES,
            "cpu_seconds": CPU_SECONDS,
        }

    # an attempt

    def profile(self, *, limit_processor: bool) -> Profile:
        """Return what the attempt may do: read its own folder, write the work folder, and compute."""
        return Profile(
            read=(*interpreter.read_paths(), *self._roots(), str(LOADER), str(ATTEMPT.parent)),
            write=(str(self.folder / "work"),),
            write_xor_execute=not self.programs,
            memory_bytes=MEMORY_MIB * MIB,
            file_bytes=DISK_MIB * MIB,
            open_files=FILES,
            cpu_seconds=CPU_SECONDS if limit_processor else None,
            execute=self.programs,
            subprocesses=4 if self.programs else 0,
        )

    def _roots(self) -> list[str]:
        return [str(self.folder / "plugin"), sysconfig.get_path("purelib")]

    def load(self, module: Path) -> Path:
        """Put a case where the plugin's own modules are."""
        return Path(shutil.copyfile(module, self.folder / "plugin" / "case.py"))

    def grant_program(self, path: str) -> None:
        """Grant one program, as a plugin may be."""
        self.programs = closure(path)

    def shoot(self, layers: Collection[str], technique: Technique) -> Shot:
        """Make the attempt under these layers and return what came of it."""
        spec = {
            "layers": sorted(layers),
            "module": str(self.load(technique.module)),
            "case": technique.case,
            "canary": self.canary,
            "profile": self.profile(limit_processor=technique.goal == "exceed").to_json().decode(),
            "grants": ["rw:{data}/**"],
            "roots": self._roots(),
            "loader": str(LOADER),
            "graceful": technique.graceful,
            "leak": None if technique.alone else self.canary["secret_path"],
        }
        file = self.folder / "spec.json"
        file.write_text(json.dumps(spec))
        with self.visitor(technique.goal):
            output = self._alone(file, layers) if technique.alone else self._gallery.run(file)
        time.sleep(technique.wait)
        return Shot(self, technique.goal, output)

    def _alone(self, spec: Path, layers: Collection[str]) -> str:
        leaked = os.open(self.canary["secret_path"], os.O_RDONLY)
        try:
            return run_alone(spec, {} if "process" in layers else {"THEODORE_SECRET": f"canary {self.token}"}, leaked)
        finally:
            os.close(leaked)

    @contextlib.contextmanager
    def visitor(self, goal: str) -> Any:
        """Connect to the port an attempt opens, as the outside would, while the block runs."""
        over = threading.Event()
        thread = threading.Thread(target=self._visit, args=(over,), daemon=True)
        if goal == "listen":
            thread.start()
        try:
            yield
        finally:
            over.set()
            if goal == "listen":
                thread.join(8)

    def _visit(self, over: threading.Event) -> None:
        path = Path(self.canary["port_file"])
        while not path.exists() and not over.wait(0.02):
            pass
        if path.exists():
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", int(path.read_text())), timeout=2) as connection,
            ):
                self.listeners[0].received += connection.recv(4096)

    # evidence

    def host_changed(self) -> bool:
        """Say whether the host is not what it was."""
        return host_state(self.host) != self._before[0]

    def targets_changed(self) -> bool:
        """Say whether a file that was not to be touched is not what it was."""
        return target_state(self._targets()) != self._before[1]

    def arrived(self) -> bool:
        """Say whether the token reached any of the servers."""
        return any(self.token.encode() in listener.take() for listener in self.listeners)

    def signalled(self) -> bool:
        """Say whether the host got a signal."""
        time.sleep(0.05)
        return self.signals.exists()

    def holds_token(self, name: str) -> bool:
        """Say whether the file that ``canary[name]`` names holds the token."""
        path = Path(self.canary[name])
        return path.is_file() and self.token in path.read_text(errors="replace")

    def exists(self, name: str) -> bool:
        """Say whether there is anything at the path that ``canary[name]`` names."""
        return os.path.lexists(self.canary[name])


def time_zone(name: str) -> bytes:
    """Return a compiled time zone (RFC 8536, version 1) whose only abbreviation is ``name``."""
    counts: Sequence[int] = (0, 0, 0, 0, 1, len(name) + 1)
    return b"TZif" + bytes(16) + struct.pack(">6L", *counts) + struct.pack(">lBB", 3600, 0, 0) + name.encode() + b"\0"
