"""The shared catalogue of escape cases, where it lies beside this checkout: one file per technique."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

CATALOGUE = Path(__file__).parents[3] / "shared" / "escapes"
CASES = sorted(CATALOGUE.glob("[0-9]*.py"))

GOALS = {"parent": "host", "mem": "token", "env": "token", "fd": "token", "dos": "exceed"}
JUDGED_ELSEWHERE = {
    "artifact": "the strict wheel reader judges archives",
    "static": "the static checker judges source",
    "broker": "the broker judges addresses",
    "host": "the channel decodes typed frames and never unpickles",
}
NOT_HERE = {
    "uaf_memoryview": "memory corruption inside the worker, which no layer stops; what it then reaches, the rest tries",
    "fork_memory": "the host is never forked",
    "sitecustomize_shadow": "workers start with -I -S: there is no sitecustomize",
    "perf_trampoline_map": "needs Python 3.12",
}
WAIT = {"fork_daemonize": 2.5}


def heading(path: Path, name: str) -> str:
    found = re.search(rf"^{name} = '([^']*)'", path.read_text(), re.MULTILINE)
    assert found is not None, path
    return found[1]


def build_native(at: Any) -> None:
    """Compile the library that some cases load; without a compiler those fail in the control and are skipped."""
    canary = at.canary
    macros = {"MARKER": canary["marker"], "TOKEN": canary["token"], "SECRET": canary["secret_path"]}
    source = str(Path(__file__).with_name("native.c"))
    flags = ["-shared", "-fPIC", *(f'-D{name}="{value}"' for name, value in macros.items())]
    include = [f"-I{sysconfig.get_path('include')}", "-DAS_MODULE"]
    for name, extra in (("libnative.so", []), ("data.bin", include)):
        command = ["cc", *flags, *extra, source, "-o", f"{canary['plugdir']}/{name}"]
        subprocess.run(command, check=False, capture_output=True)


@pytest.mark.kernel
@pytest.mark.skipif(not CASES, reason="the shared catalogue is not beside this checkout")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_technique_of_the_catalogue_is_stopped(shooting_range, path):
    name, goal = heading(path, "NAME"), heading(path, "GOAL")
    reason = JUDGED_ELSEWHERE.get(goal) or NOT_HERE.get(name)
    if reason:
        pytest.skip(reason)
    shots = {}
    for mode in ("none", "kernel", "full"):
        at = shooting_range(mode)
        if "native" in name or "preload" in name:
            build_native(at)
        shots[mode] = at.shoot(mode, path, None, GOALS.get(goal, goal), wait=WAIT.get(name, 0.0))
        if mode == "none" and not shots[mode].escaped:
            pytest.skip(f"cannot be done on this machine even without a sandbox: {shots[mode].output[-200:]}")
    assert {mode: shot.output for mode, shot in shots.items() if mode != "none" and shot.escaped} == {}
