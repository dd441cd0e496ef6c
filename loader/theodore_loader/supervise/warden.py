"""A warden beside a worker that may start programs and has no zygote: none of them outlives a host that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from theodore_loader.supervise import diagnosis
from theodore_loader.supervise.launch import FLAGS, OwnChild, pidfd_of, start_interpreter
from theodore_loader.supervise.process import WorkerProcess

_BOOT = (
    "import sys; runtime, *numbers = sys.argv[1:]; sys.path.append(runtime)\n"
    "from theodore_loader.worker.warden import guard\n"
    "guard(*map(int, numbers))"
)


def post(worker: WorkerProcess, runtime: Path) -> None:
    """Start a warden for ``worker``, before that is told anything; they end together.

    It need not be waited for: one that starts after the host has ended does at once what it is for.

    Raises:
        WorkerCrashed: there is no process or descriptor to be had.

    """
    with diagnosis.explained(sys.executable):
        reading, writing = os.pipe()
        try:
            warden = _start(worker, runtime, reading)
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
    warden.done.add_done_callback(lambda _: os.close(writing))
    worker.guarded_by(warden)


def _start(worker: WorkerProcess, runtime: Path, life: int) -> WorkerProcess:
    handles = () if worker.pidfd is None else (worker.pidfd,)
    numbers = (worker.pid, *(handles or (-1,)), life, os.getpid())
    popen = start_interpreter(
        [sys.executable, *FLAGS, "-c", _BOOT, str(runtime), *map(str, numbers)],
        Path("/"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(life, *handles),
    )
    return WorkerProcess(popen.pid, OwnChild(popen), pidfd_of(popen.pid), started_by="spawn")
