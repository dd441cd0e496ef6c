"""The first thing in which two wheels differ, as precisely as a person needs to find the cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from theodore_loader.artifact.archive import Entry, list_archive
from theodore_loader.artifact.limits import PLUGIN
from theodore_loader.artifact.wheel import Wheel
from theodore_plugin.packaging.dos_time import shown

Reason = Literal["content", "missing", "added", "order", "mode", "mtime", "archive"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry that is not the same on both sides.

    ``entry`` is a name inside the wheel. ``offset`` is the first byte that differs, from 0; ``line`` is the line it is
    in, from 1, where both sides are text. ``detail`` says what there is on either side.
    """

    entry: str
    reason: Reason
    detail: str
    line: int | None = None
    offset: int | None = None

    @property
    def place(self) -> str:
        """The entry, with its line or else its byte: ``pkg/x.py:7``."""
        if self.line is not None:
            return f"{self.entry}:{self.line}"
        return self.entry if self.offset is None else f"{self.entry} (byte {self.offset})"

    @property
    def message(self) -> str:
        """One line for people."""
        return f"{self.place}: {self.detail}"


def content_difference(entry: str, first: bytes, second: bytes, sides: tuple[str, str]) -> Difference:
    """Say where two contents part; they must not be the same."""
    offset = next(
        (at for at, (one, other) in enumerate(zip(first, second, strict=False)) if one != other),
        min(len(first), len(second)),
    )
    line = first.count(b"\n", 0, offset) + 1 if _is_text(first) and _is_text(second) else None
    sizes = f"{len(first)} bytes in {sides[0]}, {len(second)} in {sides[1]}"
    same_size = f"other content in {sides[0]} than in {sides[1]}"
    detail = same_size if len(first) == len(second) else f"other content: {sizes}"
    return Difference(entry, "content", f"{detail}, from byte {offset} on", line, offset)


def entry_differences(
    first: Mapping[str, bytes], second: Mapping[str, bytes], sides: tuple[str, str]
) -> Iterator[Difference]:
    """Iterate over what two sets of files differ in, by name: missing, added, other content."""
    for name in sorted(first.keys() | second.keys()):
        if name not in second:
            yield Difference(name, "added", f"only in {sides[0]}")
        elif name not in first:
            yield Difference(name, "missing", f"only in {sides[1]}")
        elif first[name] != second[name]:
            yield content_difference(name, first[name], second[name], sides)


def archive_difference(first: bytes, second: bytes) -> Difference | None:
    """Say in what two readable archives of the same files differ: order, mode, time, or how they are written.

    Raises :class:`InvalidWheel` if one of them cannot be read.
    """
    pairs = list(zip_longest(list_archive(first, PLUGIN), list_archive(second, PLUGIN)))
    for one, other in pairs:
        if one is None or other is None or one.name != other.name:
            name = (one or other).name
            return Difference(name, "order", "the entries are in another order")
    found = (_header_difference(one, other) for one, other in pairs)
    return next(filter(None, found), None) or (
        Difference(pairs[0][0].name, "archive", "compressed or described otherwise") if first != second else None
    )


def _header_difference(one: Entry, other: Entry) -> Difference | None:
    if one.mode != other.mode:
        return Difference(one.name, "mode", f"mode {one.mode & 0o7777:04o} and {other.mode & 0o7777:04o}")
    if one.moment != other.moment:
        return Difference(one.name, "mtime", f"time {shown(one.moment)} and {shown(other.moment)}")
    return None


def wheel_difference(first: Wheel, second: Wheel, sides: tuple[str, str]) -> Difference | None:
    """Return the first difference of two wheels, content before form; ``None`` if they are the same bytes."""
    if first.sha256 == second.sha256:
        return None
    # RECORD follows from the rest, so it is never the cause.
    record = f"{first.dist_info}/RECORD"
    found = (found for found in entry_differences(first.entries, second.entries, sides) if found.entry != record)
    return next(found, None) or archive_difference(first.data, second.data)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data
