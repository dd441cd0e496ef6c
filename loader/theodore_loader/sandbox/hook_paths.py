"""Where ``pathlib.Path`` keeps its text, so that a hook can read it without calling a method that could be replaced.

Only ``sqlite3.connect`` and ``subprocess.Popen`` raise their events with a path object; everything else has converted
it before. A path whose class was changed, or of a Python that keeps its text otherwise, is understood by no hook and
so refused.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from types import MappingProxyType, MemberDescriptorType
from typing import Any

_METHODS = ("__fspath__", "__str__", "_format_parsed_parts", "drive", "root", "_tail", "_load_parts", "_parse_path")
_STRING, _DRIVE, _ROOT, _RAW = "_str", "_drv", "_root", "_raw_paths"


@dataclass(frozen=True, slots=True)
class PathFacts:
    """The exact type, the attributes that must be the original ones, and the slots that hold the text.

    Attributes:
        kind: the class of every ordinary path here.
        guards: (attributes of a class, name, original value or ``None`` where it must be missing).
        anchored: the first of ``parts`` repeats drive and root (before Python 3.12).
        slots: string, drive, root, parts and what the constructor was given (``None`` before 3.12).

    """

    kind: type
    guards: tuple[tuple[MappingProxyType[str, Any], str, object], ...]
    anchored: bool
    slots: tuple[Any, Any, Any, Any, Any]


def path_facts() -> PathFacts | None:
    """Look at this Python's ``pathlib``; ``None`` when it is not one we know."""
    kind = type(pathlib.Path())
    attributes = vars(pathlib.PurePath)
    anchored = _RAW not in attributes
    names = (_STRING, _DRIVE, _ROOT, "_parts" if anchored else "_tail_cached")
    raw = attributes.get(_RAW)
    slots = (*(attributes.get(name) for name in names), raw)
    if not all(isinstance(slot, MemberDescriptorType) for slot in slots if slot is not raw or not anchored):
        return None
    return PathFacts(kind, _guards(kind, (*_METHODS, *names, _RAW)), anchored, slots)  # type: ignore[arg-type]


def _guards(kind: type, names: tuple[str, ...]) -> tuple[tuple[MappingProxyType[str, Any], str, object], ...]:
    """Every class from the exact type to the one that has the attribute: none of them may be given another."""
    found: list[tuple[MappingProxyType[str, Any], str, object]] = []
    for name in names:
        for base in kind.__mro__[:-1]:
            found.append((vars(base), name, vars(base).get(name)))
            if name in vars(base):
                break
    return tuple(found)
