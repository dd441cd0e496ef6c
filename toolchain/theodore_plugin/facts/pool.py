"""Files lowered in processes of their own, each file within a budget of time and memory.

A parser is native code that reads hostile input: it can crash, loop or eat memory, and no exception tells of it. Here
that ends one worker. The file it had becomes a :class:`FactsFailure`, a new worker takes the next one, and no other
file is affected.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

import theodore_loader
import theodore_plugin
from theodore_plugin.facts.cache import FrontEnd
from theodore_plugin.facts.frames import HEADER, Encoded, read_answer, request_bytes
from theodore_plugin.facts.model import FactsFailure
from theodore_plugin.project import SourceFile

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from theodore_plugin.facts.worker import main; main(int(sys.argv[2]))"
)
_READ_BYTES = 1 << 20
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Budget:
    """What analysing one file may cost."""

    seconds: float = 60
    """By the clock, the start of a worker included."""
    seconds_per_mib: float = 30
    """More for large files: libcst was measured at 4 s for a MiB of ordinary code, and machines are shared."""
    memory_mib: int = 2048
    """libcst was measured at 320 MiB for a MiB of ordinary code."""

    def seconds_for(self, file: SourceFile) -> float:
        """How long this file may take."""
        return self.seconds + self.seconds_per_mib * len(file.data) / _MIB


DEFAULT_BUDGET = Budget()


def lower_in_workers(
    files: Iterable[SourceFile], front_end: FrontEnd, *, processes: int, budget: Budget = DEFAULT_BUDGET
) -> Iterator[tuple[SourceFile, Encoded]]:
    """Lower files in ``processes`` workers; yield each file with what became of it, in no particular order.

    Raises OSError if no process can be started.
    """
    waiting = deque(files)
    with selectors.DefaultSelector() as ready, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(_Worker(budget, ready)) for _ in range(min(processes, len(waiting)))]
        busy: list[_Worker] = []
        while waiting or busy:
            while waiting and idle:
                worker = idle.pop()
                worker.give(waiting.popleft(), front_end)
                busy.append(worker)
            for worker in _next(busy, ready):
                finished = worker.take()
                if finished is not None:
                    busy.remove(worker)
                    idle.append(worker)
                    yield finished


def _next(busy: list[_Worker], ready: selectors.BaseSelector) -> list[_Worker]:
    """Wait until a worker has something to say or has used up its time; return those."""
    patience = max(0.0, min(worker.deadline for worker in busy) - time.monotonic())
    speaking = {key.fd for key, _ in ready.select(patience)}
    now = time.monotonic()
    return [worker for worker in busy if worker.descriptor in speaking or worker.deadline <= now]


class _Worker:
    """One place in the pool: a process, replaced when it ends, and the file it is busy with."""

    def __init__(self, budget: Budget, ready: selectors.BaseSelector) -> None:
        self.deadline = 0.0
        self.descriptor = -1
        """Where its answers come from."""
        self._budget = budget
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        self._file: SourceFile | None = None
        self._received = bytearray()

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end()
        self._complaints.close()

    def give(self, file: SourceFile, front_end: FrontEnd) -> None:
        """Hand over a file."""
        process = self._process or self._start()
        self._file = file
        self._received.clear()
        self.deadline = time.monotonic() + self._budget.seconds_for(file)
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError):  # the worker has ended: reading tells how
            _write_all(process.stdin.fileno(), request_bytes(file, front_end))

    def take(self) -> tuple[SourceFile, Encoded] | None:
        """Read on; return the file and what became of it once that is known."""
        assert self._file is not None  # noqa: S101 - only busy workers are asked
        answer: Encoded | None
        if time.monotonic() >= self.deadline:
            answer = self._failed(f"analysing it exceeded {self._budget.seconds_for(self._file):.0f} s")
        else:
            answer = self._read()
        return None if answer is None else (self._file, answer)

    def _read(self) -> Encoded | None:
        data = os.read(self.descriptor, _READ_BYTES)
        if not data:
            return self._failed(self._how_it_ended())
        self._received += data
        if len(self._received) < HEADER.size:
            return None
        (length,) = HEADER.unpack_from(self._received)
        if len(self._received) < HEADER.size + length:
            return None
        try:
            return read_answer(bytes(self._received[HEADER.size :]))
        except msgspec.DecodeError:
            return self._failed("its analyser gave an answer that cannot be read")

    def _failed(self, reason: str) -> FactsFailure:
        self._end()
        return FactsFailure(self._file.path if self._file else "?", reason)

    def _how_it_ended(self) -> str:
        """Say how a process that closed its output ended."""
        assert self._process is not None  # noqa: S101 - it has just been read from
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "its analyser stopped answering"
        if status < 0:
            name = signal.Signals(-status).name
            return f"its analyser crashed ({name}), within {self._budget.memory_mib} MiB of memory"
        return f"its analyser ended with status {status}: {self._last_complaint()}"

    def _last_complaint(self) -> str:
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it did not say why"

    def _start(self) -> subprocess.Popen[bytes]:
        self._complaints.seek(0)
        self._complaints.truncate()
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", _BOOT, json.dumps(_import_path()), str(self._budget.memory_mib)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env={"LANG": "C.UTF-8"},
            bufsize=0,
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        self._process, self.descriptor = process, process.stdout.fileno()
        self._ready.register(self.descriptor, selectors.EVENT_READ)
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self._ready.unregister(self.descriptor)
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _import_path() -> list[str]:
    """Where a worker imports from: as this process does, but never from the folder it happens to stand in."""
    ours = [
        str(Path(package).resolve().parent.parent) for package in (theodore_plugin.__file__, theodore_loader.__file__)
    ]
    here = str(Path.cwd())
    return [*ours, *[path for path in sys.path if Path(path).is_absolute() and path != here]]


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
