"""Which names an archive entry may have, and which names collide once they are files.

An extracted tree must mean the same on every machine: a name that is absolute, climbs out, carries a
drive, or differs from another only by case or Unicode form means something else somewhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

from theodore_loader.artifact.limits import Limits
from theodore_loader.errors import InvalidWheel

_REBUILD = "rebuild the wheel with `theodore-plugin package`; do not edit archives by hand"

# Names the Windows file system gives to devices, whatever their extension.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789\u00b9\u00b2\u00b3"}
)


Reporter = Callable[[InvalidWheel], None]
"""Told each defect; what it does with it is the caller's attitude."""


def refuse(defect: InvalidWheel) -> NoReturn:
    """Be strict: the first defect is the last."""
    raise defect


def name_defect(name: str, limits: Limits) -> InvalidWheel | None:
    """Say why ``name`` (a file's, or a directory's with its trailing slash) is not plain and relative."""
    path = name.removesuffix("/")
    if defect := _whole_defect(path) or next(filter(None, map(_part_defect, path.split("/"))), None):
        return unsafe(name, defect)
    if len(path.encode()) > limits.path_bytes or path.count("/") >= limits.depth:
        return InvalidWheel(
            "archive-too-large",
            f"entry {name[:80]!r}… is longer than {limits.path_bytes} bytes or deeper than {limits.depth} folders",
            help="shorten the path",
            entry=name,
        )
    return None


def check_collisions(files: Iterable[str], directories: Iterable[str]) -> None:
    """Refuse names that become one file on some file system, and a file that is also a folder."""
    for defect in collisions(files, directories):
        raise defect


def collisions(files: Iterable[str], directories: Iterable[str]) -> Iterator[InvalidWheel]:
    """Name every entry that becomes one file with another on some file system, or is a file and a folder."""
    seen: dict[str, str] = {}
    for name in files:
        key = folded(name)
        if key in seen:
            same = seen[key] == name
            yield unsafe(name, "is there twice" if same else f"and {seen[key]!r} differ only by case or Unicode form")
        else:
            seen[key] = name
    for name in seen.values():
        yield from _parents(name, seen)
    for directory in directories:
        if clash := seen.get(folded(directory.rstrip("/"))):
            yield unsafe(clash, "is both a file and a folder")


def folded(name: str) -> str:
    """Return the form under which case-insensitive and normalising file systems compare ``name``."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def unsafe(name: str, defect: str) -> InvalidWheel:
    """Build the refusal of one unsafe entry."""
    return InvalidWheel("unsafe-archive-entry", f"entry {name!r} {defect}", help=_REBUILD, entry=name)


def _parents(name: str, seen: dict[str, str]) -> Iterator[InvalidWheel]:
    parent = name.rpartition("/")[0]
    while parent:
        if clash := seen.get(folded(parent)):
            yield unsafe(clash, f"is a file and also the folder of {name!r}")
        parent = parent.rpartition("/")[0]


def _whole_defect(path: str) -> str | None:
    if not path:
        return "has no name"
    if path.startswith("/"):
        return "is absolute"
    if "\\" in path:
        return "contains a backslash"
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in path):
        return "contains a control or invisible character"
    return None


def _part_defect(part: str) -> str | None:
    if part in {"", ".", ".."}:
        return f"contains the path component {part!r}"
    if ":" in part:
        return "contains a drive or stream separator (':')"
    if part[-1] in ". ":
        return "has a component that ends in a blank or a dot"
    if part.partition(".")[0].rstrip().casefold() in _DEVICES:
        return f"contains the device name {part!r}"
    return None
