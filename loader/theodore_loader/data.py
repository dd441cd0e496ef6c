"""Where the data folders are: inside the wheel, or at the root of a source checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def policies_dir() -> Path:
    """Folder of policies, capability maps, contracts and JSON Schemas."""
    return _first(_HERE / "_data" / "policies", _HERE.parents[1] / "policies")


@cache
def templates_dir() -> Path:
    """Folder of the copier templates."""
    toolchain = _HERE.parent / "theodore_plugin"
    return _first(toolchain / "_data" / "templates", _HERE.parents[1] / "templates")


def _first(*candidates: Path) -> Path:
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"data folder missing from this installation; looked in {', '.join(map(str, candidates))}")
