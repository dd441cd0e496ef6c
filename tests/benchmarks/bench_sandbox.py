"""What confinement costs: ``python tests/benchmarks/bench_sandbox.py``. Prints medians; asserts nothing about time."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.run import run_confined
from theodore_loader.sandbox.tier import Tier, available

LOADER = str(Path(__file__).parents[2] / "loader")
ROUNDS, CALLS = 15, 100_000

CONFINE = """
import sys, time, json, os
sys.path.insert(0, {loader!r})
from theodore_loader.sandbox import filter_program, interpreter, namespaces, order, libc
from theodore_loader.sandbox.profile import Profile
how, work = sys.argv[1:]
profile = Profile(read=interpreter.read_paths(), write=(work,), write_xor_execute=True,
                  namespaces=how == "isolated", tmpfs=(work,))
if how == "forked":
    import resource
    libc.prctl(39)
    for _ in range(16): order.rehearse(profile)
    ready, told = os.pipe()
    if os.fork():
        os.close(told)
        os.write(1, os.read(ready, 100))
        os._exit(0)
    os.dup2(told, 1)
begin = time.perf_counter()
achieved = order.confine(profile)
os.write(1, json.dumps([achieved.tier, (time.perf_counter() - begin) * 1000]).encode())
"""

HOOK = """
import os, statistics, sys, time, json
sys.path.insert(0, {loader!r})
from theodore_loader.permissions import Permission
from theodore_loader.sandbox import audit_hook, interpreter, order
from theodore_loader.sandbox.profile import Profile
def cost(path):
    chunks = []
    for _ in range({calls} // 500):
        begin = time.perf_counter()
        for _ in range(500): os.close(os.open(path, os.O_RDONLY))
        chunks.append((time.perf_counter() - begin) / 500 * 1e9)
    return statistics.median(chunks)
kind, confined, path = sys.argv[1:]
folder = os.path.dirname(path)
if confined == "confined": order.confine(Profile(read=interpreter.read_paths(), write=(folder,)))
files = (path, os.__file__)
bare = [cost(file) for file in files]
rules = audit_hook.hook_rules(
    [Permission.from_text("filesystem r:" + folder + "/**")], {{}}, ["/nonexistent"], interpreter.stdlib_paths()
)
if kind == "empty":
    sys.addaudithook(lambda event, arguments: None)
else:
    assert audit_hook.install(rules, lambda r: None, compiled=kind == "c").kind == kind
print(json.dumps([bare, [cost(file) for file in files]]))
"""
HOOKS = {"c": "the C hook", "python": "the Python hook", "empty": "a Python hook that does nothing"}


def main() -> None:
    """Print one line per figure."""
    with tempfile.TemporaryDirectory() as folder:
        for name, figure in figures(Path(folder)):
            print(f"{name:<84} {figure}")


def figures(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and value."""
    argv = [sys.executable, "-I", "-S", "-c", "pass"]
    plain = median(lambda: subprocess.run(argv, check=True, capture_output=True))
    profile = Profile(read=interpreter.read_paths(), write=(str(folder),))
    confined = median(lambda: run_confined(argv, profile, cwd=folder, env={}, timeout=60))
    yield "python -I -S -c pass", f"{plain:.1f} ms"
    yield "the same by run_confined", f"{confined:.1f} ms ({confined / plain:.2f} x, + {confined - plain:.1f} ms)"
    yield from confining(folder)
    file = folder / "file"
    file.touch()
    for surroundings in ("confined", "unconfined"):
        for kind, name in HOOKS.items():
            code = HOOK.format(loader=LOADER, calls=CALLS)
            bare, hooked = json.loads(python(code, kind, surroundings, str(file)))
            ratios = [
                f"{after:.0f} / {before:.0f} ns = {after / before:.2f} x"
                for before, after in zip(bare, hooked, strict=True)
            ]
            yield f"open+close, {surroundings}, {name}, granted file", ratios[0]
            yield f"open+close, {surroundings}, {name}, standard library", ratios[1]


def confining(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what ``confine()`` takes: every layer and its canaries, in a process that has done nothing else yet."""
    ways = {
        "fresh": "confine(), all layers and canaries, in a new interpreter, imports done",
        "forked": "the same in a fork of a process that rehearsed it",
        "isolated": "the same with namespaces, in a new interpreter",
    }
    for how, title in ways.items():
        if how == "isolated" and available(Tier.ISOLATED).tier < Tier.ISOLATED:
            yield title, "not offered here"
            continue
        steps = [json.loads(python(CONFINE.format(loader=LOADER), how, str(folder)))[1] for _ in range(ROUNDS)]
        yield title, f"{statistics.median(steps):.2f} ms (best {min(steps):.2f})"


def median(act: Callable[[], object]) -> float:
    """Return the median duration of ``act`` in milliseconds."""
    durations = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        act()
        durations.append((time.perf_counter() - begin) * 1000)
    return statistics.median(durations)


def python(code: str, *arguments: str) -> str:
    """Run ``code`` in a fresh interpreter and return what it prints."""
    argv = [sys.executable, "-I", "-S", "-c", code, *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=dict(os.environ)).stdout


if __name__ == "__main__":
    main()
