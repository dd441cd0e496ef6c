"""Every technique of our own, read from ``cases/``: a file per theme, a function per technique."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

CASES = Path(__file__).parents[1] / "cases"

THEMES = {
    "paths": "files outside the grants",
    "processes": "programs, processes, the host's own",
    "network": "the network",
    "kernel": "parts of the kernel",
    "resources": "using things up",
    "interpreter": "disarming the hook",
}


SECONDS = 3.0
COMPUTING_SECONDS = 1.5
"""For an attempt that computes without end: what ends it is the deadline of its call."""


@dataclass(frozen=True, slots=True)
class Technique:
    """One way out that is tried.

    ``goal`` says what evidence counts (``evidence.Shot``), ``wait`` how many seconds it takes to appear, ``graceful``
    that the interpreter must end by itself, ``alone`` that the process must come from exec and not from a fork;
    ``seconds`` is the time a plugin gets for it, once it has been imported.
    """

    name: str
    theme: str
    goal: str
    what: str
    module: Path
    case: str | None
    wait: float = 0.0
    graceful: bool = False
    alone: bool = False
    seconds: float = SECONDS


def own() -> list[Technique]:
    """Return all of them, by theme."""
    return [technique for theme in THEMES for technique in _of(theme)]


def _of(theme: str) -> list[Technique]:
    path = CASES / f"{theme}.py"
    module = _import(path)
    waits, graceful = getattr(module, "WAIT", {}), getattr(module, "GRACEFUL", ())
    alone, longer = getattr(module, "ALONE", ()), getattr(module, "SECONDS", {})
    return [
        Technique(
            name=name,
            theme=theme,
            goal=goal,
            what=(act.__doc__ or "").strip().splitlines()[0],
            module=path,
            case=name,
            wait=waits.get(name, 0.0),
            graceful=name in graceful,
            alone=name in alone,
            seconds=longer.get(name, COMPUTING_SECONDS if goal == "exceed" else SECONDS),
        )
        for name, (goal, act) in module.CASES.items()
    ]


def _import(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"theodore_cases_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
