"""What an attempt left behind that the host can see, and what follows from it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shooting.range import Range

IMPORTED = "imported\n"


@dataclass
class Listener:
    """A server that keeps whatever arrives."""

    stream: socket.socket
    received: bytearray = field(default_factory=bytearray)

    def take(self) -> bytes:
        """Return what has arrived, waiting a little for the last bytes."""
        until = time.monotonic() + 0.05
        while time.monotonic() < until and select.select([self.stream], [], [], 0.02)[0]:
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


def host_state(pid: int) -> tuple[object, ...]:
    """Return what others may change about a process."""
    return (
        os.getpriority(os.PRIO_PROCESS, pid),
        os.sched_getaffinity(pid),
        os.sched_getscheduler(pid),
        _input_output_priority(pid),
        Path(f"/proc/{pid}/limits").read_text(),
        Path(f"/proc/{pid}/oom_score_adj").read_text(),
    )


def _input_output_priority(pid: int) -> int:
    numbers = {"x86_64": 252, "aarch64": 31}
    return int(ctypes.CDLL(None).syscall(numbers.get(os.uname().machine, -1), 1, pid))


def target_state(targets: list[Path]) -> list[object]:
    """Return everything about files that were not to be touched."""
    return [_file_state(path) for path in targets]


def _file_state(path: Path) -> object:
    try:
        status = path.stat()
        return path.read_bytes(), status.st_mtime, status.st_mode, status.st_uid, os.listxattr(path)
    except OSError as problem:
        return problem.errno


@dataclass
class Shot:
    """One attempt's outcome: what it printed, and what the range shows."""

    range: Range
    goal: str
    output: str
    refusal: str = ""
    """Which layer refused, where the refusal itself says so."""

    @property
    def attempted(self) -> bool:
        """Whether the case was at least imported, so that a failure is the sandbox's doing."""
        return IMPORTED in self.output

    @property
    def escaped(self) -> bool:
        """Whether the evidence says that it worked."""
        at = self.range
        came_back = at.token in self.output
        checks: dict[str, Callable[[], bool]] = {
            "read": lambda: came_back or at.holds_token("exfiltrated"),
            "token": lambda: came_back,
            "write": lambda: at.exists("write_path"),
            "plugwrite": lambda: at.exists("plug_write"),
            "tamper": at.targets_changed,
            "host": at.host_changed,
            "exec": lambda: came_back or at.holds_token("marker"),
            "persist": lambda: at.holds_token("late_marker"),
            "connect": at.arrived,
            "listen": at.arrived,
            "signal": at.signalled,
            "surface": lambda: "REACHED" in self.output,
            "exceed": lambda: "EXCEEDED" in self.output,
            "meta": lambda: "watching;" in self.output,
            "perfmap": lambda: "MAPPED" in self.output,
        }
        return checks[self.goal]()

    def answer(self) -> dict[str, Any]:
        """Return what an attempt in the gallery said last, or nothing when it did not get that far."""
        for line in reversed(self.output.splitlines()):
            with contextlib.suppress(ValueError):
                answer = json.loads(line)
                if isinstance(answer, dict):
                    return answer
        return {}
