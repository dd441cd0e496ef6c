"""What confinement costs: ``python tests/benchmarks/bench_sandbox.py``. Asserts nothing about time."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.native import build
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.run import run_confined
from theodore_loader.sandbox.tier import Tier, available

LOADER = str(Path(__file__).parents[2] / "loader")
ROUNDS, CALLS = 11, 100_000

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
import os, sys, time, json
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
    return min(chunks)
kind, confined, path = sys.argv[1:]
folder = os.path.dirname(path)
sys.path.insert(0, folder)
if kind == "empty in C": import empty
if confined == "confined": order.confine(Profile(read=interpreter.read_paths(), write=(folder,)))
files = (path, os.__file__)
bare = [cost(file) for file in files]
rules = audit_hook.hook_rules(
    [Permission.from_text("filesystem r:" + folder + "/**")], {{}}, ["/nonexistent"], interpreter.stdlib_paths()
)
if kind == "empty in C":
    empty.install()
elif kind == "empty":
    sys.addaudithook(lambda event, arguments: None)
else:
    assert audit_hook.install(rules, lambda r: None, compiled=kind == "c").kind == kind
print(json.dumps([bare, [cost(file) for file in files]]))
"""
HOOKS = {
    "empty in C": "a C hook that does nothing",
    "c": "the C hook",
    "empty": "a Python hook that does nothing",
    "python": "the Python hook",
}
EMPTY = """
#include <Python.h>
static int hook(const char *event, PyObject *arguments, void *data) {
    (void)event, (void)arguments, (void)data;
    return 0;
}
static PyObject *install(PyObject *module, PyObject *ignored) {
    (void)module, (void)ignored;
    return PySys_AddAuditHook(hook, NULL) < 0 ? NULL : Py_NewRef(Py_None);
}
static PyMethodDef methods[] = {{"install", install, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "empty", NULL, 0, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_empty(void) { return PyModuleDef_Init(&module); }
"""


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
    yield from hooking(folder)


def hooking(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what the hooks cost: the least of each process before and after, the median ratio of processes in turns."""
    file = folder / "file"
    file.touch()
    hooks = {kind: title for kind, title in HOOKS.items() if kind != "empty in C" or compiled_empty(folder)}
    code = HOOK.format(loader=LOADER, calls=CALLS)
    for surroundings in ("confined", "unconfined"):
        measured: dict[str, list[Any]] = {kind: [] for kind in hooks}
        for _ in range(ROUNDS):
            for kind in hooks:
                measured[kind].append(json.loads(python(code, kind, surroundings, str(file))))
        for kind, title in hooks.items():
            for number, opened in enumerate(("granted file", "standard library")):
                pairs = [(bare[number], hooked[number]) for bare, hooked in measured[kind]]
                ratio = statistics.median(after / before for before, after in pairs)
                least = f"{min(after for _, after in pairs):.0f} / {min(before for before, _ in pairs):.0f} ns"
                yield f"open+close, {surroundings}, {title}, {opened}", f"{least}, {ratio:.2f} x"


def compiled_empty(folder: Path) -> bool:
    """Compile a hook that does nothing; say whether that was possible."""
    target = folder / f"empty{sysconfig.get_config_var('EXT_SUFFIX')}"
    try:
        build._require()
        command = [*build._compiler(), "-O2", "-fPIC", "-shared", f"-I{sysconfig.get_path('include')}", "-x", "c", "-"]
        subprocess.run([*command, "-o", str(target)], input=EMPTY, check=True, text=True)
    except (build.NotBuilt, subprocess.CalledProcessError) as problem:
        print(problem, file=sys.stderr)
    return target.exists()


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
