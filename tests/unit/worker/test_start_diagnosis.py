"""A worker, or a zygote, that dies before its first word: the error names the cause and what to do about it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from theodore_loader.errors import WorkerCrashed
from theodore_loader.supervise.launch import Spawner
from theodore_loader.supervise.zygote import Zygote, why_not

WAYS = [Spawner, pytest.param(Zygote, marks=pytest.mark.skipif(bool(why_not()), reason=why_not()))]


def no_file(path: Path) -> None:
    """Leave nothing there."""


def not_executable(path: Path) -> None:
    shutil.copyfile(sys.executable, path)


def no_program(path: Path) -> None:
    path.write_text("neither a header the kernel knows, nor a script\n")
    path.chmod(0o755)


def with_a_library_missing(path: Path) -> None:
    """Have it need a library that is on no machine; the dynamic linker's own words are what is read."""
    program = Path(sys.executable).resolve().read_bytes()
    for name, other in ((b"libpython3.", b"libpython9."), (b"libm.so.6\0", b"libq.so.6\0")):
        if name in program:
            path.write_bytes(program.replace(name, other))
            path.chmod(0o755)
            return
    pytest.skip("this interpreter needs no library that could be missing")


def script(text: str):
    """Return what makes an interpreter that says ``text`` and gives up."""

    def make(path: Path) -> None:
        path.write_text(f'#!/bin/sh\necho "{text}" >&2\nexit 1\n')
        path.chmod(0o755)

    return make


INTERPRETERS = {
    "missing": (no_file, "there is no interpreter", "reinstall this Python"),
    "not-executable": (not_executable, "may not be executed", "chmod"),
    "no-program": (no_program, "no program for this machine", "reinstall this Python"),
    "library": (with_a_library_missing, r"needs the shared library lib(python9|q)\S+, which is missing", "ldconfig"),
    "no-standard-library": (
        script("Fatal Python error: init_fs_encoding: failed to get the Python codec"),
        "does not find its standard library",
        "reinstall this Python",
    ),
    "no-memory": (script("MemoryError"), "there was no memory for it", "memory limit"),
    "silent": (script(""), "ended with status 1 before it was ready: it does not say why", "by hand"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("make", "cause", "remedy"), INTERPRETERS.values(), ids=INTERPRETERS.keys())
async def test_an_interpreter_that_does_not_run(start, runtime, tmp_path, way, make, cause, remedy):
    interpreter = tmp_path / "python"
    make(interpreter)
    launcher = way(runtime, interpreter=str(interpreter))
    try:
        with pytest.raises(WorkerCrashed, match=cause) as caught:
            await start("return say('')", workers_from=launcher)
    finally:
        await launcher.close()
    assert remedy in (caught.value.help or "")


def of_another_python(package: Path) -> None:
    for file in package.glob("msgspec/_core*.so"):
        file.rename(file.with_name("_core.cpython-26-x86_64-linux-gnu.so"))


def of_another_machine(package: Path) -> None:
    for file in package.glob("msgspec/_core*.so"):
        file.chmod(0o600)
        file.write_bytes(b"\x7fELF" + bytes(4096))


def without_a_module(package: Path) -> None:
    (package / "theodore_sdk" / "info.py").unlink()
    for compiled in package.glob("theodore_sdk/__pycache__/info.*"):
        compiled.unlink()


RUNTIMES = {
    "another-python": (of_another_python, "msgspec was built for another Python", "--force-reinstall msgspec"),
    "another-machine": (of_another_machine, "msgspec was built for another Python", "--force-reinstall msgspec"),
    "incomplete": (without_a_module, "the module theodore_sdk.info is missing", "repairs the runtime folder"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("damage", "cause", "remedy"), RUNTIMES.values(), ids=RUNTIMES.keys())
async def test_a_runtime_folder_that_cannot_be_imported(start, runtime, tmp_path, way, damage, cause, remedy):
    broken = tmp_path / "runtime"
    shutil.copytree(runtime, broken)
    for folder in [broken, *(path for path in broken.rglob("*") if path.is_dir())]:
        folder.chmod(0o700)
    damage(broken)
    launcher = way(broken)
    try:
        with pytest.raises(WorkerCrashed, match=cause) as caught:
            await start("return say('')", workers_from=launcher)
    finally:
        await launcher.close()
    assert remedy in (caught.value.help or "")
    assert "its last lines: " in caught.value.message


class Killing:
    """Sends a signal to every worker it has launched, before anybody has spoken to it."""

    def __init__(self, launcher, number) -> None:
        self.launcher, self.number, self.runtime = launcher, number, launcher.runtime

    async def launch(self, folder):
        process, ends = await self.launcher.launch(folder)
        os.kill(process.pid, self.number)
        return process, ends


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (signal.SIGKILL, "want of memory"),
        (signal.SIGSYS, "system call filter"),
        (signal.SIGSEGV, "extension is broken"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("way", WAYS)
async def test_a_worker_that_is_killed_before_it_has_said_a_word(start, runtime, way, number, cause):
    launcher = way(runtime)
    try:
        with pytest.raises(WorkerCrashed, match=f"was ended by {number.name} before it was ready: .*{cause}") as caught:
            await start("return say('')", workers_from=Killing(launcher, number))
    finally:
        await launcher.close()
    assert caught.value.status == -number
    assert caught.value.help
