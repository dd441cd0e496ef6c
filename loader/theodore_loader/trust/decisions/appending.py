"""How an entry gets to the end of the chain, whoever else appends, and whatever a killed writer left behind.

The files are opened for each entry, so nothing goes stale when another process begins a segment or the folder is
removed; what is remembered of the last entry counts only while the file is exactly as it was left.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.paths import private_dir, refuse_writable_by_others
from theodore_loader.regular_file import open_regular
from theodore_loader.trust.decisions import segments
from theodore_loader.trust.decisions.decision import Decision, Entry, digest, entry_of
from theodore_loader.trust.decisions.tail import START, Head, Tail, advance_head, begin_head, read_head, read_tail
from theodore_loader.whole_file import flush_folder, name_file

_READ = os.O_RDONLY | os.O_NOFOLLOW
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class _Left:
    """How this writer left the segment it wrote to last."""

    inode: int
    size: int
    changed: int
    head: Head


class Appender:
    """Appends to the record in ``folder``: one thread at a time, while others may flush. A lock keeps processes out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left: _Left | None = None
        self._unflushed: dict[Path, Head] = {}
        self._guard = threading.RLock()

    def append(self, decision: Decision) -> None:
        """Write one entry whole or not at all. Raises OSError or ConfigurationProblem."""
        with locked(_own(self._folder)):
            known = segments.numbers(self._folder)
            if not known:
                begin_head(self._folder)
            path = segments.segment_path(self._folder, known[-1] if known else 1)
            with _appendable(path) as segment:
                tail = self._tail(segment, known)
                line = _entry(decision, tail).line()
                size = os.fstat(segment).st_size
                fits = not tail.head.seq or size + len(line) <= segments.MAX_SEGMENT
                left = _write(segment, size, line, tail.head.seq + 1) if fits else None
            if left is None:
                path = self._next_segment(path, known[-1] + 1)
                with _appendable(path) as segment:
                    left = _write(segment, os.fstat(segment).st_size, line, tail.head.seq + 1)
            self._left = left
            with self._guard:
                self._unflushed[path] = left.head

    def flush(self) -> None:
        """Put on disk what was appended, then move the head. Raises OSError; what was to be flushed stays so.

        Other threads append meanwhile: what they add is not this call's business.
        """
        with self._guard:
            waiting = dict(self._unflushed)
        if not waiting:
            return
        for path in waiting:
            _flush_file(path)
        flush_folder(self._folder)
        with locked(self._folder):
            advance_head(self._folder, max(waiting.values(), key=lambda head: head.seq))
        with self._guard:
            for path, head in waiting.items():
                if self._unflushed.get(path) == head:
                    del self._unflushed[path]

    def _tail(self, segment: int, known: list[int]) -> Tail:
        """Return where the chain stands. What a killed writer left unfinished is cut off: nobody is writing now."""
        status = os.fstat(segment)
        left = self._left
        if left and (left.inode, left.size, left.changed) == (status.st_ino, status.st_size, status.st_mtime_ns):
            return Tail(left.head)
        tail = read_tail(segment, self._before(known))
        if tail.torn:
            os.ftruncate(segment, status.st_size - tail.torn)
        return tail.held_against(read_head(self._folder))

    def _before(self, known: list[int]) -> Head:
        """Return the end of the last segment but one: what an empty last one goes on from."""
        if len(known) < 2:
            return START
        descriptor = open_regular(segments.segment_path(self._folder, known[-2]), _READ)
        try:
            return read_tail(descriptor, START).head
        finally:
            os.close(descriptor)

    def _next_segment(self, full: Path, number: int) -> Path:
        """Begin a segment, once the one before is on disk: the head may only name what is."""
        _flush_file(full)
        with self._guard:
            self._unflushed.pop(full, None)
        segments.remove_old(self._folder, number)
        return segments.segment_path(self._folder, number)


def _own(folder: Path) -> Path:
    """Return the record's folder, made if there is none; raises ConfigurationProblem if others can write to it."""
    try:
        refuse_writable_by_others(folder.stat(), folder)
    except FileNotFoundError:
        private_dir(folder)
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the record's lock. Raises OSError where it cannot be had."""
    descriptor = open_regular(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _entry(decision: Decision, tail: Tail) -> Entry:
    return entry_of(
        decision,
        seq=tail.head.seq + 1,
        prev=tail.head.digest,
        process=os.getpid(),
        torn=tail.torn,
        broken=tail.broken,
    )


@contextmanager
def _appendable(path: Path) -> Iterator[int]:
    """Yield a descriptor of the segment at ``path``, made if there is none; an error that names no file names it."""
    descriptor = open_regular(path, _APPEND)
    try:
        yield descriptor
    except OSError as problem:
        name_file(problem, path)
        raise
    finally:
        os.close(descriptor)


def _write(segment: int, size: int, line: bytes, seq: int) -> _Left:
    """Write a whole line or none behind ``size`` bytes: a nearly full disk takes a part and calls that a success."""
    if os.write(segment, line) < len(line):
        os.ftruncate(segment, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    status = os.fstat(segment)
    return _Left(status.st_ino, status.st_size, status.st_mtime_ns, Head(seq, digest(line)))


def _flush_file(path: Path) -> None:
    try:
        descriptor = open_regular(path, _READ)
    except FileNotFoundError:
        return  # no longer kept
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
