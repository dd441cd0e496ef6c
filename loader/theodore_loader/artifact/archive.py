"""A strict reader of zip archives, for bytes that strangers send.

Tolerant readers disagree about what a crooked archive contains, and an attack lives in that disagreement.
This one accepts a single shape (PKWARE APPNOTE 6.3.10, sections 4.3.6 to 4.3.16, without its options):

1. local entries lie side by side from the first byte to the central directory, no gap, no overlap;
2. every local header says exactly what the central directory says;
3. the end record is the last thing in the file: no comment, no zip64, one disk;
4. entries are stored or deflated, neither encrypted nor streamed;
5. each inflates to precisely its declared size and checksum, within :class:`~.limits.Limits`.

Nothing is written to disk and :mod:`zipfile` is not involved.

There is one parser and two attitudes: hosts pass :func:`~.entry_name.refuse`, so the first defect ends the reading;
a check passes a collector, gets every defect, and what could be read of the rest.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from theodore_loader.artifact.entry_name import Reporter, collisions, name_defect, refuse, unsafe
from theodore_loader.artifact.limits import Limits
from theodore_loader.errors import InvalidWheel

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_MAGIC, _CENTRAL_MAGIC, _LOCAL_MAGIC = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"

_STORED, _DEFLATED = 0, 8
_UTF8_NAME = 0x800
# Bits 1 and 2 only record how hard the writer compressed; everything else changes what the bytes mean.
_HARMLESS_FLAGS = 0x006 | _UTF8_NAME
_ZIP64 = 0x0001
# These contradict the plain header. zip64 does too, unless it says the same once more (Bazel's writer does that).
_CONTRADICTING_EXTRAS = {_ZIP64: "zip64", 0x7075: "alternative name", 0x9901: "encryption"}
_DOS_DIRECTORY = 0x10


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the central directory."""

    name: str
    raw_name: bytes
    common: tuple[int, ...]
    """The nine fields a local header repeats: version needed, flags, method, time, date, crc, sizes, name length."""
    method: int
    crc: int
    stored_size: int
    size: int
    offset: int
    mode: int
    dos_attributes: int

    @property
    def is_directory(self) -> bool:
        """Whether the name marks a folder."""
        return self.name.endswith("/")

    @property
    def moment(self) -> tuple[int, int]:
        """Date and time as the archive has them (MS-DOS format, two seconds fine)."""
        return self.common[4], self.common[3]


def read_archive(data: bytes, limits: Limits, report: Reporter = refuse) -> dict[str, bytes]:
    """Return every file of the archive, in central directory order, or raise :class:`InvalidWheel`.

    With another ``report`` the files are those without a defect of their own; what makes the rest unreadable is raised.
    """
    entries, start = _entries(data, limits, report)
    sound = _sound(entries, len(data), limits, report)
    positions = _local_entries(data, entries, start, report)
    files = (entry for entry in sound if not entry.is_directory and entry.offset in positions)
    contents = ((entry.name, _inflate(data, entry, positions[entry.offset], report)) for entry in files)
    return {name: content for name, content in contents if content is not None}


def list_archive(data: bytes, limits: Limits, report: Reporter = refuse) -> tuple[Entry, ...]:
    """Return what the central directory says about each entry, in its order; raises :class:`InvalidWheel`."""
    return tuple(_entries(data, limits, report)[0])


@dataclass(frozen=True, slots=True)
class Embedded:
    """An archive inside of other bytes: where it starts, and itself without a comment."""

    start: int
    data: bytes


def embedded_archive(data: bytes) -> Embedded | None:
    """Return the archive that a tolerant reader finds among foreign bytes before and after it, if there is one."""
    at = data.rfind(_END_MAGIC)
    while at >= 0 and at + _END.size <= len(data):
        _, disk, start_disk, here, count, size, start, _ = _END.unpack_from(data, at)
        foreign = at - size - start
        if foreign >= 0 and not disk and not start_disk and here == count:
            return Embedded(foreign, data[foreign : at + _END.size - 2] + b"\0\0")
        at = data.rfind(_END_MAGIC, 0, at)
    return None


def _entries(data: bytes, limits: Limits, report: Reporter) -> tuple[list[Entry], int]:
    if len(data) > limits.archive_bytes:
        report(_too_large(f"the archive has {len(data)} bytes, more than {limits.archive_bytes}"))
    count, start = _end_record(data)
    if count > limits.entries:
        report(_too_large(f"the archive has {count} entries, more than {limits.entries}"))
    return list(_central_directory(data, start, count, report)), start


def _sound(entries: list[Entry], archive_size: int, limits: Limits, report: Reporter) -> list[Entry]:
    """Return the entries that mean one thing and stay within bounds by what they declare."""
    clashing: set[str] = set()
    unfit: set[int] = set()
    for entry in entries:
        for defect in entry_defects(entry, limits):
            unfit.add(entry.offset)
            report(defect)
    named = [entry for entry in entries if entry.offset not in unfit]
    for defect in collisions(
        [e.name for e in named if not e.is_directory],
        [e.name for e in named if e.is_directory],
    ):
        clashing.add(str(defect.entry))
        report(defect)
    for defect in _declared_sizes(entries, archive_size, limits):
        clashing.update([defect.entry] if defect.entry else [entry.name for entry in entries])
        report(defect)
    return [entry for entry in named if entry.name not in clashing]


def _end_record(data: bytes) -> tuple[int, int]:
    """Return entry count and offset of the central directory, from the last 22 bytes of the file."""
    at = len(data) - _END.size
    if at < 0 or data[at : at + 4] != _END_MAGIC:
        raise _no_end_record(data)
    _, disk, start_disk, here, count, size, start, comment = _END.unpack_from(data, at)
    if comment:
        raise _crooked("the end record announces a comment")
    if disk or start_disk or here != count:
        raise _crooked("the archive claims to span several disks")
    if start + size != at:
        raise _crooked("the central directory does not lie directly before the end record")
    return count, start


def _no_end_record(data: bytes) -> InvalidWheel:
    if data.rfind(_END_MAGIC) >= 0:
        return _crooked("bytes follow the end of the archive")
    if data.startswith(_LOCAL_MAGIC):
        return InvalidWheel(
            "not-a-wheel",
            "the file begins like a wheel and stops before its end record: it is truncated",
            help="download or build it again",
        )
    what = "the file is empty" if not data else "the file is no zip archive"
    return InvalidWheel("not-a-wheel", what, help="give a .whl file, for example one made by `theodore-plugin package`")


def _central_directory(data: bytes, start: int, count: int, report: Reporter) -> Iterator[Entry]:
    at, end = start, len(data) - _END.size
    for _ in range(count):
        if at + _CENTRAL.size > end or data[at : at + 4] != _CENTRAL_MAGIC:
            raise _crooked(f"the central directory breaks off at byte {at}")
        entry, at = _central_entry(data, at, end, report)
        if entry is not None:
            yield entry
    if at != end:
        report(_crooked(f"the central directory holds {end - at} bytes more than its entries"))


def _central_entry(data: bytes, at: int, end: int, report: Reporter) -> tuple[Entry | None, int]:
    fields = _CENTRAL.unpack_from(data, at)
    common = fields[2:11]
    name_length, extra_length, comment_length = fields[10:13]
    after_name = at + _CENTRAL.size + name_length
    following = after_name + extra_length
    if following + comment_length > end:
        raise _crooked(f"a central directory entry at byte {at} reaches past the directory")
    raw_name = data[at + _CENTRAL.size : after_name]
    name = _decode_name(raw_name, utf8=bool(fields[3] & _UTF8_NAME), report=report)
    if name is None:
        return None, following + comment_length
    if comment_length:
        report(_crooked(f"entry {name!r} carries a comment", name))
    _check_extra(data[after_name:following], name, report)
    entry = Entry(
        name=name,
        raw_name=raw_name,
        common=common,
        method=fields[4],
        crc=fields[7],
        stored_size=fields[8],
        size=fields[9],
        offset=fields[16],
        mode=fields[15] >> 16,
        dos_attributes=fields[15] & 0xFF,
    )
    if fields[13]:
        report(_crooked(f"entry {name!r} starts on another disk", name))
    return entry, following + comment_length


def _decode_name(raw: bytes, *, utf8: bool, report: Reporter) -> str | None:
    try:
        return raw.decode("utf-8" if utf8 else "ascii")
    except UnicodeDecodeError:
        report(unsafe(raw.decode("latin-1"), "has a name that is not UTF-8 (or not marked as such)"))
        return None


def _check_extra(extra: bytes, name: str, report: Reporter, restated: bytes | None = None) -> None:
    """Report extra fields that contradict the header; ``restated`` is the zip64 field that would not."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind in _CONTRADICTING_EXTRAS and extra[at : at + 4 + size] != restated:
            report(_crooked(f"entry {name!r} carries a {_CONTRADICTING_EXTRAS[kind]} extra field", name))
        at += 4 + size
    if at != len(extra):
        report(_crooked(f"entry {name!r} has a broken extra field", name))


def entry_defects(entry: Entry, limits: Limits) -> Iterator[InvalidWheel]:
    """Say what is wrong with one entry by itself, as the central directory describes it."""
    if defect := name_defect(entry.name, limits):
        yield defect
    if entry.common[1] & ~_HARMLESS_FLAGS:
        yield unsafe(entry.name, f"is encrypted, streamed or patched (zip flags {entry.common[1]:#06x})")
    if entry.method not in (_STORED, _DEFLATED):
        yield unsafe(entry.name, f"uses compression method {entry.method}; only stored and deflated are read")
    if entry.method == _STORED and entry.stored_size != entry.size:
        yield _crooked(f"entry {entry.name!r} is stored, yet its two sizes differ", entry.name)
    yield from _kind_defects(entry)


def _kind_defects(entry: Entry) -> Iterator[InvalidWheel]:
    expected = stat.S_IFDIR if entry.is_directory else stat.S_IFREG
    if stat.S_IFMT(entry.mode) not in (0, expected):
        kind = "symbolic link" if stat.S_ISLNK(entry.mode) else "special file"
        yield unsafe(entry.name, f"is a {kind} by its mode ({entry.mode:#o}); only regular files are read")
    if entry.mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
        yield unsafe(entry.name, "has a set-user-id, set-group-id or sticky bit")
    if entry.is_directory and entry.size:
        yield unsafe(entry.name, "is a folder with content")
    if entry.dos_attributes & _DOS_DIRECTORY and not entry.is_directory:
        yield unsafe(entry.name, "is a file by name and a folder by attribute")


def _declared_sizes(entries: list[Entry], archive_size: int, limits: Limits) -> Iterator[InvalidWheel]:
    """Report early what declares itself too large; :func:`_inflate` then holds entries to their declaration."""
    for entry in entries:
        if entry.size > limits.entry_bytes:
            message = f"entry {entry.name!r} inflates to {entry.size} bytes, more than {limits.entry_bytes}"
            yield _too_large(message, entry.name)
    total = sum(entry.size for entry in entries)
    if total > limits.total_bytes:
        yield _too_large(f"the archive inflates to {total} bytes, more than {limits.total_bytes}")
    if total > limits.ratio_floor and total > archive_size * limits.ratio:
        yield _too_large(f"the archive inflates {total // archive_size}-fold, more than {limits.ratio}-fold")


def _local_entries(data: bytes, entries: list[Entry], directory: int, report: Reporter) -> dict[int, int]:
    """Check that the local entries tile the file up to ``directory``; return header offset -> data offset."""
    positions: dict[int, int] = {}
    at = 0
    for entry in sorted(entries, key=lambda e: e.offset):
        if entry.offset != at:
            what = "before the first entry" if at == 0 else f"between entries, or entries overlap, at {entry.name!r}"
            report(_crooked(f"bytes lie {what}", entry.name))
        start = _local_data(data, entry, directory, report)
        if start is not None:
            positions[entry.offset] = start
            at = start + entry.stored_size
    if at != directory:
        report(_crooked("bytes lie between the last entry and the central directory"))
    return positions


def _local_data(data: bytes, entry: Entry, directory: int, report: Reporter) -> int | None:
    after_header = entry.offset + _LOCAL.size
    if after_header > directory or data[entry.offset : entry.offset + 4] != _LOCAL_MAGIC:
        what = f"entry {entry.name!r} has no local header where the central directory says"
        report(_crooked(what, entry.name))
        return None
    *fields, extra_length = _LOCAL.unpack_from(data, entry.offset)
    after_name = after_header + len(entry.raw_name)
    if tuple(fields[1:]) != entry.common or data[after_header:after_name] != entry.raw_name:
        what = f"entry {entry.name!r} is described differently by its local header and the central directory"
        report(_crooked(what, entry.name))
        return None
    start: int = after_name + extra_length
    if start + entry.stored_size > directory:
        report(_crooked(f"entry {entry.name!r} reaches into the central directory", entry.name))
        return None
    same = struct.pack("<2H2Q", _ZIP64, 16, entry.size, entry.stored_size)
    _check_extra(data[after_name:start], entry.name, report, same)
    return start


def _inflate(data: bytes, entry: Entry, start: int, report: Reporter) -> bytes | None:
    """Return the entry's content, or ``None`` if a defect was reported instead."""
    stored = data[start : start + entry.stored_size]
    content = stored if entry.method == _STORED else _inflate_exactly(stored, entry, report)
    if content is not None and zlib.crc32(content) != entry.crc:
        report(_crooked(f"entry {entry.name!r} fails its checksum", entry.name))
        return None
    return content


def _inflate_exactly(stored: bytes, entry: Entry, report: Reporter) -> bytes | None:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # One byte more than declared is asked for, so that a liar is caught and a bomb never unfolds.
        content = inflater.decompress(stored, entry.size + 1)
    except zlib.error:
        report(_crooked(f"entry {entry.name!r} does not inflate", entry.name))
        return None
    if len(content) != entry.size or not inflater.eof or inflater.unused_data or inflater.unconsumed_tail:
        what = f"entry {entry.name!r} does not inflate to its declared size of {entry.size} bytes"
        report(_crooked(what, entry.name))
        return None
    return content


def _crooked(message: str, entry: str | None = None) -> InvalidWheel:
    return InvalidWheel(
        "polyglot-or-trailing-data",
        message,
        help="rebuild the wheel with `theodore-plugin package`; a reader that tolerates this may see other content",
        entry=entry,
    )


def _too_large(message: str, entry: str | None = None) -> InvalidWheel:
    return InvalidWheel(
        "archive-too-large", message, help="ship less in the wheel; fetch large data at run time", entry=entry
    )
