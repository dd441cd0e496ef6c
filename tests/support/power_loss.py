"""Programs killed at every change they make on disk, as by a loss of power, and what they had not flushed by then.

The changes are counted by a small library that is preloaded (``power_loss.c``, built once with the system's compiler).
One process imports everything and runs the program once; then it forks for each change, so that a run costs what the
program itself costs. Run as a script, this file is that process.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
COMPILER = shutil.which("cc") or shutil.which("gcc")
LAST = 4
"""So many of the last changes are always among those that are cut: there the new state comes to count."""
_TIME_LIMIT = 3600


@dataclass(frozen=True)
class Change:
    """Something done to a path: ``write``, ``fsync``, ``rename`` (to ``other``), ``create``, …"""

    what: str
    path: Path
    other: Path | None


@dataclass(frozen=True)
class PowerLoss:
    """Runs programs on copies of a folder, killing them at every change they make there, or at every nth."""

    library: Path
    scratch: Path

    @classmethod
    def build(cls, scratch: Path) -> PowerLoss:
        library = scratch / "power_loss.so"
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
        return cls(library, scratch)

    def cut(
        self, program: str, template: Path, *, torn: bool = False, most: int = 20
    ) -> tuple[list[Change], list[Path]]:
        """Run ``program`` on copies of ``template``; return the changes of a whole run and what each loss left.

        The program is Python; ``state`` is the path of its copy. An exception in it fails the test. The last state is
        that of a run which came to its end: power lost just after it.
        """
        order = {
            "program": program,
            "template": str(template),
            "scratch": str(self.scratch),
            "torn": torn,
            "most": most,
            "library": str(self.library),
        }
        environment = {**os.environ, "LD_PRELOAD": str(self.library), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, __file__],
            input=json.dumps(order),
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIME_LIMIT,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer = json.loads(done.stdout.splitlines()[-1])
        changes = [Change(what, Path(path), Path(other) if other else None) for what, path, other in answer["changes"]]
        return changes, [Path(state) for state in answer["states"]]


def unflushed(changes: Sequence[Change]) -> list[str]:
    """Return each rename that put a file in place whose bytes, or whose new name, may not have reached the disk."""
    problems = []
    dirty: set[Path] = set()
    named: dict[Path, Path] = {}
    for change in changes:
        if change.what in {"write", "truncate"}:
            dirty.add(change.path)
        elif change.what == "fsync":
            dirty.discard(change.path)
            named = {to: folder for to, folder in named.items() if folder != change.path}
        elif change.what in {"rename", "link"} and change.other is not None:
            if change.path in dirty:
                problems.append(f"{change.path.name} became {change.other.name} before its bytes were flushed")
            named[change.other] = change.other.parent
        elif change.what == "unlink":
            named.pop(change.path, None)
    return problems + [f"the name {to.name} was never flushed" for to in named]


def _main() -> None:
    order = json.load(sys.stdin)
    library = ctypes.CDLL(order["library"])
    scratch = Path(order["scratch"])
    changes = _whole_run(order, library, scratch)
    step = max(1, len(changes) // order["most"])
    numbers = {*range(0, len(changes), step), *range(max(0, len(changes) - LAST), len(changes))}
    states = []
    for number in chain(sorted(numbers), count(len(changes))):  # a run may write more than the whole one wrote
        state = _copy(order, scratch / f"cut-{number}")
        states.append(str(state))
        if not _loses_power(order, library, state, number) and number >= len(changes):
            break
    print(json.dumps({"changes": changes, "states": states}))  # noqa: T201


def _whole_run(order: dict, library: ctypes.CDLL, scratch: Path) -> list[tuple[str, ...]]:
    _run(order, _copy(order, scratch / "warm"))
    gc.collect()  # closes connections that nobody uses any more
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(timeout=120)  # a server may wait for the next request still; a fork takes no thread along
    if threading.active_count() != 1:
        raise SystemExit(f"the program left threads: {threading.enumerate()}")
    state, notes = _copy(order, scratch / "whole"), scratch / "changes"
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    if _forked(order, state, lambda: library.power_loss_arm(str(state).encode(), ctypes.c_long(-1), 0, descriptor)):
        raise SystemExit("the program failed in a fork")
    return [tuple(line.split("\t")) for line in notes.read_text().splitlines()]


def _loses_power(order: dict, library: ctypes.CDLL, state: Path, number: int) -> bool:
    """Run the program until it makes change ``number``; return whether it came so far."""
    arm = (str(state).encode(), ctypes.c_long(number), int(order["torn"]), -1)
    status = _forked(order, state, lambda: library.power_loss_arm(*arm))
    if status:
        raise SystemExit(f"the program failed before change {number}")
    return status is None


def _forked(order: dict, state: Path, arm: Callable[[], object]) -> int | None:
    """Return the exit status of the program in a child, ``None`` if it lost power."""
    child = os.fork()
    if child == 0:
        os.setsid()
        arm()
        status = 1
        try:
            _run(order, state)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    if os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGKILL:
        return None
    return os.waitstatus_to_exitcode(ended)


def _run(order: dict, state: Path) -> None:
    with contextlib.redirect_stdout(sys.stderr):
        exec(order["program"], {"state": state})


def _copy(order: dict, to: Path) -> Path:
    shutil.copytree(order["template"], to, symlinks=True)
    return to


if __name__ == "__main__":
    _main()
