"""Where the chain stands: the last whole entry of the newest segment, held against the head that was written."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.artifact.tree import flush_folder
from theodore_loader.trust.decisions.decision import GENESIS, digest, parse_entry

HEAD_NAME = "head"
_CHUNK = 1 << 16
_HEAD = re.compile(r"([0-9]{20}) ([0-9a-f]{64})\n", re.ASCII)
_FLAGS = os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


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
    data = b""
    while start > 0 and data.count(b"\n") < 2:
        start = max(0, start - _CHUNK)
        data = os.pread(descriptor, size - start, start)
    end = data.rfind(b"\n") + 1
    torn = len(data) - end
    if not end:
        return Tail(before, torn)
    line = data[data.rfind(b"\n", 0, end - 1) + 1 : end]
    entry = parse_entry(line)
    if entry is None:
        return Tail(Head(before.seq, digest(line)), torn, "the last entry is unreadable")
    return Tail(Head(entry.seq, digest(line)), torn)


def read_head(folder: Path) -> Head | None:
    """Return the head that was written; ``None`` if there is none, or what is there is none."""
    try:
        data = (folder / HEAD_NAME).read_bytes()[:256]
    except FileNotFoundError:
        return None
    match = _HEAD.fullmatch(data.decode("latin-1"))
    return Head(int(match[1]), match[2]) if match else None


def begin_head(folder: Path) -> None:
    """Write the head of an empty record to disk: from here on, a record without a head was tampered with."""
    _write(folder, START)
    flush_folder(folder)


def advance_head(folder: Path, head: Head) -> None:
    """Write a newer head over the one before, which has the same length; call it while holding the lock.

    Not flushed: it may fall behind the entries, which are flushed first, and never gets ahead of them.
    """
    known = read_head(folder)
    if known is None or known.seq < head.seq:
        _write(folder, head, flush=False)


def _write(folder: Path, head: Head, *, flush: bool = True) -> None:
    text = f"{head.seq:020d} {head.digest}\n".encode()
    descriptor = os.open(folder / HEAD_NAME, os.O_WRONLY | _FLAGS, 0o600)
    try:
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))
        if flush:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def disagreement(last: Head, written: Head | None) -> str | None:
    """Say what is wrong between the last entry there is and the head that was written."""
    if written is None:
        return "the head is missing or unreadable: whether entries are missing at the end cannot be told"
    if written.seq > last.seq:
        return f"entries {last.seq + 1} to {written.seq} are missing: the record was cut"
    if written.seq == last.seq and written.digest != last.digest:
        return f"entry {last.seq} is another one than was written"
    return None
