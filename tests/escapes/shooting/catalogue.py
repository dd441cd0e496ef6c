"""The shared catalogue of escape cases, where it lies beside this checkout: one file per technique."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from pathlib import Path

from shooting.range import Range
from shooting.techniques import COMPUTING_SECONDS, Technique

FOLDER = Path(os.environ.get("THEODORE_ESCAPES", Path(__file__).parents[4] / "shared" / "escapes"))

GOALS = {"parent": "host", "host": "result", "mem": "token", "env": "token", "fd": "token", "dos": "exceed"}
WAIT = {"fork_daemonize": 2.5}
OF_A_COMPONENT = ("artifact", "static", "broker", "result")
"""Goals that are tried on the component that must refuse, in ``components.py``, and not as a plugin's act."""
OF_A_PROCESS = ("fork_memory", "sitecustomize_shadow", "perf_trampoline_map")
"""Techniques whose evidence or set-up is of their own, in ``processes.py``."""
SECONDS = 8.0


def all_cases() -> list[Technique]:
    """Return every case of the catalogue, or nothing where there is none."""
    return [_technique(path) for path in sorted(FOLDER.glob("[0-9]*.py"))]


def acts() -> list[Technique]:
    """Return the cases that a plugin tries by itself."""
    special = (*OF_A_COMPONENT, "perfmap")
    return [case for case in all_cases() if case.goal not in special and name_of(case) not in OF_A_PROCESS]


def named(*names: str) -> list[Technique]:
    """Return the cases of these names that are there."""
    return [case for case in all_cases() if name_of(case) in names]


def of_goal(goal: str) -> list[Technique]:
    """Return the cases with this goal."""
    return [case for case in all_cases() if case.goal == goal]


def name_of(case: Technique) -> str:
    """Return a case's name without its number."""
    return case.name.partition("_")[2]


def _technique(path: Path) -> Technique:
    text = path.read_text()
    name, goal, what = (_heading(text, key) for key in ("NAME", "GOAL", "DESCRIPTION"))
    return Technique(
        name=path.stem,
        theme=_heading(text, "CATEGORY"),
        goal=GOALS.get(goal, goal),
        what=what,
        module=path,
        case=None,
        wait=WAIT.get(name, 0.0),
        graceful="GRACEFUL = True" in text,
        alone=goal in ("env", "fd"),
        seconds=COMPUTING_SECONDS if GOALS.get(goal) == "exceed" else SECONDS,
    )


def _heading(text: str, name: str) -> str:
    found = re.search(rf"^{name} = (['\"])(.*)\1$", text, re.MULTILINE)
    assert found is not None, name
    return found[2].replace("\\'", "'")


def equip(at: Range, case: Technique) -> None:
    """Compile the library that some cases load; without a compiler those fail in the control and are skipped."""
    if "native" not in case.name and "preload" not in case.name:
        return
    canary = at.canary
    macros = {"MARKER": canary["marker"], "TOKEN": canary["token"], "SECRET": canary["secret_path"]}
    source = str(Path(__file__).with_name("native.c"))
    flags = ["-shared", "-fPIC", *(f'-D{name}="{value}"' for name, value in macros.items())]
    include = [f"-I{sysconfig.get_path('include')}", "-DAS_MODULE"]
    for name, extra in (("libnative.so", []), ("data.bin", include)):
        command = ["cc", *flags, *extra, source, "-o", f"{canary['plugdir']}/{name}"]
        subprocess.run(command, check=False, capture_output=True)
