"""Is the record whole? Every entry follows the one before, none is missing between them, and the head is reached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.trust.decisions import segments
from theodore_loader.trust.decisions.appending import locked
from theodore_loader.trust.decisions.decision import Entry, digest, parse_entry
from theodore_loader.trust.decisions.tail import START, Head, disagreement, read_head


@dataclass(frozen=True, slots=True)
class Break:
    """The first bad entry: where it is, and what is wrong with it. ``line`` counts from 1; 0 is the file itself."""

    file: Path
    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What was found. ``first`` is the number of the oldest entry kept; ``head`` the newest good one.

    ``torn`` is how many bytes of an unfinished entry stand at the end; the next writer removes them.
    """

    entries: int
    first: int
    head: Head
    torn: int
    broken: Break | None


def verify_chain(home: Path, anchor: Head | None = None) -> Chain:
    """Read the whole record of a state folder and hold every entry against the one before. Raises OSError.

    ``anchor`` is an entry known from elsewhere: the record must have it, or have it behind what is still kept.
    """
    folder = home / "decisions"
    with locked(folder) if segments.numbers(folder) else nullcontext():
        found = segments.numbers(folder)
        contents = [(segments.segment_path(folder, number), segments.read_segment(folder, number)) for number in found]
        written = read_head(folder)
    walk = _Walk(anchor)
    broken = (
        walk.over(contents)
        or _gap(folder, found)
        or _begun_late(contents, walk)
        or _ended_early(folder, contents, walk, written)
    )
    return Chain(walk.entries, walk.first, walk.last, walk.torn, broken)


class _Walk:
    """Goes over the entries in order and remembers the last good one."""

    def __init__(self, anchor: Head | None) -> None:
        self._anchor = anchor
        self.last = START
        self.entries = 0
        self.first = 0
        self.torn = 0

    def over(self, contents: list[tuple[Path, bytes]]) -> Break | None:
        for index, (path, data) in enumerate(contents):
            lines = data.splitlines(keepends=True)
            if lines and not lines[-1].endswith(b"\n") and index == len(contents) - 1:
                self.torn = len(lines.pop())
            for number, line in enumerate(lines, 1):
                if wrong := self._step(line):
                    return Break(path, number, wrong)
        return None

    def short_of_anchor(self) -> str | None:
        """Say so if the record ends before the entry that is known from elsewhere."""
        if self._anchor is None or self._anchor.seq <= self.last.seq:
            return None
        return f"the record ends at entry {self.last.seq}, before entry {self._anchor.seq} of the anchor"

    def _step(self, line: bytes) -> str | None:
        entry = parse_entry(line)
        wrong = "it is no entry" if entry is None else next(self._wrong(entry), None)
        if entry is None or wrong:
            return wrong
        self.first = self.first or entry.seq
        self.entries += 1
        self.last = Head(entry.seq, digest(line))
        if self._anchor and entry.seq == self._anchor.seq and self.last != self._anchor:
            return "it is another entry than the one the anchor names: the record was written anew"
        return None

    def _wrong(self, entry: Entry) -> Iterator[str]:
        if entry.broken:
            yield f"when it was appended, the record was found damaged: {entry.broken}"
        if not self.entries and entry.seq > 1:
            return  # what came before is no longer kept; how much may be missing is for _gap to say
        if entry.seq != self.last.seq + 1:
            yield f"it is entry {entry.seq}, and {self.last.seq + 1} is due: entries were removed or added"
        if entry.prev != self.last.digest:
            yield f"it does not follow entry {self.last.seq}: one of the two was changed"


def _gap(folder: Path, found: list[int]) -> Break | None:
    """Find the first segment that should be there and is not."""
    if not found:
        return None
    for number in range(segments.first_expected(found[-1]), found[-1]):
        if number not in found:
            return Break(segments.segment_path(folder, number), 0, "this segment is missing")
    return None


def _begun_late(contents: list[tuple[Path, bytes]], walk: _Walk) -> Break | None:
    """Find a first segment that does not begin with the first entry. Of a later one, nobody can say where it began."""
    path = contents[0][0] if contents else None
    if path is None or walk.first <= 1 or segments.number_of(path) != 1:
        return None
    return Break(path, 1, f"it is entry {walk.first}, and 1 is due: entries were removed")


def _ended_early(folder: Path, contents: list[tuple[Path, bytes]], walk: _Walk, written: Head | None) -> Break | None:
    if not contents:
        missing = None if written in (None, START) else disagreement(START, written)
        wrong = missing or walk.short_of_anchor()
        return Break(folder, 0, wrong) if wrong else None
    path, data = contents[-1]
    wrong = disagreement(walk.last, written) or walk.short_of_anchor()
    return Break(path, data.count(b"\n"), wrong) if wrong else None
