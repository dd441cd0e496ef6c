"""The test's end of the gallery: a process per session, in which attempts are forked instead of started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

ATTEMPT = Path(__file__).with_name("attempt.py")
LOADER = Path(__file__).parents[3] / "loader"
LONGEST_SECONDS = 120.0


class Gallery:
    """Runs attempts one after the other; a context manager that leaves no process behind."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(ATTEMPT), str(LOADER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={},
            text=True,
        )
        self._hosts: set[int] = set()
        assert self._read() == "ready"

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *_exception: object) -> None:
        for pid in list(self._hosts):
            self.end_host(pid)
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(LONGEST_SECONDS)

    def start_host(self, token: str, signals: Path, secret: Path) -> dict[str, int]:
        """Start a process that stands for the host; it notes signals in ``signals`` and holds ``secret`` open."""
        self._write({"host": token, "signals": str(signals), "secret": str(secret)})
        place: dict[str, int] = json.loads(self._read())
        self._hosts.add(place["pid"])
        return place

    def end_host(self, pid: int) -> None:
        """Kill what :meth:`start_host` started; the gallery collects it after its next attempt."""
        self._hosts.discard(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def run(self, spec: Path) -> str:
        """Make one attempt and return its output; what it left behind is killed with its group afterwards."""
        self._write({"spec": str(spec)})
        pid = int(self._read())
        killer = threading.Timer(LONGEST_SECONDS, _kill_group, (pid,))
        killer.start()
        self._read()
        killer.cancel()
        return Path(f"{spec}.out").read_text(errors="replace")

    def _write(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the gallery has ended"
        return line.strip()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.killpg(pid, signal.SIGKILL)


def run_alone(spec: Path, environment: dict[str, str], leaked: int | None) -> str:
    """Make one attempt in a process of its own, with what a careless host would leave to it."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(ATTEMPT), str(LOADER), str(spec)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        pass_fds=() if leaked is None else (leaked,),
        start_new_session=True,
        text=True,
        errors="replace",
    )
    try:
        return process.communicate(timeout=LONGEST_SECONDS)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0]
