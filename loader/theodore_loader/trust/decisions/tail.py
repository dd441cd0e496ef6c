"""Where the chain stands: the last whole entry of the newest segment, held against the head that was written."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.regular_file import open_regular, read_beyond
from theodore_loader.trust.decisions.decision import GENESIS, digest, parse_entry
from theodore_loader.trust.decisions.segments import LARGEST
from theodore_loader.whole_file import flush_folder

HEAD_NAME = "head"
_CHUNK = 1 << 16
_HEAD = re.compile(r"(([0-9]{20}) ([0-9a-f]{64})) ([0-9a-f]{16})\n", re.ASCII)
_LINE = 20 + 1 + 64 + 1 + 16 + 1


@dataclass(frozen=True, slots=True)
class Head:
    """An entry by number and digest."""

    seq: int
    digest: str


START = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of the record: the last whole entry, what was torn off after it, and what is wrong with it."""

    head: Head
    torn: int = 0
    broken: str | None = None

    def held_against(self, written: Head | None) -> Tail:
        """Note what is wrong if the record does not reach the head that was written, or has another entry there.

        The next entry is numbered after both: what is missing stays visible in the numbers.
        """
        last = self.head
        wrong = self.broken or disagreement(last, written)
        seq = max(last.seq, written.seq) if wrong and written else last.seq
        return Tail(Head(seq, last.digest), self.torn, wrong)


def read_tail(descriptor: int, before: Head) -> Tail:
    """Find the last whole entry of an open segment; of an empty one, it is ``before``."""
    start = size = os.fstat(descriptor).st_size
    beginning = max(0, size - LARGEST)
    data = b""
    while start > beginning and data.count(b"\n") < 2:
        start = max(beginning, start - _CHUNK)
        data = os.pread(descriptor, size - start, start)
    end = data.rfind(b"\n") + 1
    torn = len(data) - end
    if not end and beginning:
        return Tail(Head(before.seq, digest(data)), 0, "it ends in what is no entry, and more than one can be")
    if not end:
        return Tail(before, torn)
    line = data[data.rfind(b"\n", 0, end - 1) + 1 : end]
    entry = parse_entry(line)
    if entry is None:
        return Tail(Head(before.seq, digest(line)), torn, "the last entry is unreadable")
    return Tail(Head(entry.seq, digest(line)), torn)


def read_head(folder: Path) -> Head | None:
    """Return the newest head that was written whole; ``None`` if there is none."""
    try:
        data = read_beyond(folder / HEAD_NAME, 2 * _LINE)
    except FileNotFoundError:
        return None
    return max(filter(None, _lines(data)), key=lambda head: head.seq, default=None)


def begin_head(folder: Path) -> None:
    """Write the head of an empty record to disk: from here on, a record without a head was tampered with."""
    _write(folder, START, 0, flush=True)
    flush_folder(folder)


def advance_head(folder: Path, head: Head) -> None:
    """Write a newer head; call it while holding the lock.

    The file holds two, and the older is overwritten: where that is cut short, the newer is still there. It is not
    flushed: it may fall behind the entries, which are flushed first, and never gets ahead of them.
    """
    known = read_head(folder)
    if known is not None and known.seq >= head.seq:
        return
    first = _lines(read_beyond(folder / HEAD_NAME, 2 * _LINE))[0] if known else None
    _write(folder, head, 0 if first != known or known is None else 1)


def _lines(data: bytes) -> tuple[Head | None, Head | None]:
    """Return the two heads of a file, each ``None`` if it is not whole."""
    return _head(data[:_LINE]), _head(data[_LINE : 2 * _LINE])


def _head(line: bytes) -> Head | None:
    match = _HEAD.fullmatch(line.decode("latin-1"))
    if match is None or _check(match[1]) != match[4]:
        return None
    return Head(int(match[2]), match[3])


def _write(folder: Path, head: Head, slot: int, *, flush: bool = False) -> None:
    text = f"{head.seq:020d} {head.digest}"
    descriptor = open_regular(folder / HEAD_NAME, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW)
    try:
        os.pwrite(descriptor, f"{text} {_check(text)}\n".encode(), slot * _LINE)
        if flush:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def disagreement(last: Head, written: Head | None) -> str | None:
    """Say what is wrong between the last entry there is and the head that was written."""
    if written is None:
        return "the head is missing or unreadable: whether entries are missing at the end cannot be told"
    if written.seq > last.seq:
        return f"entries {last.seq + 1} to {written.seq} are missing: the record was cut"
    if written.seq == last.seq and written.digest != last.digest:
        return f"entry {last.seq} is another one than was written"
    return None
