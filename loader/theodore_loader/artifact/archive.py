"""A strict reader of zip archives, for bytes that strangers send.

Tolerant readers disagree about what a crooked archive contains, and an attack lives in that disagreement.
This one accepts a single shape (PKWARE APPNOTE 6.3.10, sections 4.3.6 to 4.3.16, without its options):

1. local entries lie side by side from the first byte to the central directory, no gap, no overlap;
2. every local header says exactly what the central directory says;
3. the end record is the last thing in the file: no comment, no zip64, one disk;
4. entries are stored or deflated, neither encrypted nor streamed;
5. each inflates to precisely its declared size and checksum, within :class:`~.limits.Limits`.

Nothing is written to disk and :mod:`zipfile` is not involved.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from theodore_loader.artifact.entry_name import check_collisions, check_name, unsafe
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


def read_archive(data: bytes, limits: Limits) -> dict[str, bytes]:
    """Return every file of the archive, in central directory order, or raise :class:`InvalidWheel`."""
    if len(data) > limits.archive_bytes:
        raise _too_large(f"the archive has {len(data)} bytes, more than {limits.archive_bytes}")
    count, start = _end_record(data)
    if count > limits.entries:
        raise _too_large(f"the archive has {count} entries, more than {limits.entries}")
    entries = list(_central_directory(data, start, count))
    for entry in entries:
        _check_entry(entry, limits)
    check_collisions(
        [e.name for e in entries if not e.is_directory],
        [e.name for e in entries if e.is_directory],
    )
    _check_declared_sizes(entries, len(data), limits)
    positions = _local_entries(data, entries, start)
    return {e.name: _inflate(data, e, positions[e.offset]) for e in entries if not e.is_directory}


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


def _central_directory(data: bytes, start: int, count: int) -> Iterator[Entry]:
    at, end = start, len(data) - _END.size
    for _ in range(count):
        if at + _CENTRAL.size > end or data[at : at + 4] != _CENTRAL_MAGIC:
            raise _crooked(f"the central directory breaks off at byte {at}")
        entry, at = _central_entry(data, at, end)
        yield entry
    if at != end:
        raise _crooked(f"the central directory holds {end - at} bytes more than its entries")


def _central_entry(data: bytes, at: int, end: int) -> tuple[Entry, int]:
    fields = _CENTRAL.unpack_from(data, at)
    common = fields[2:11]
    name_length, extra_length, comment_length = fields[10:13]
    after_name = at + _CENTRAL.size + name_length
    following = after_name + extra_length
    if following + comment_length > end:
        raise _crooked(f"a central directory entry at byte {at} reaches past the directory")
    raw_name = data[at + _CENTRAL.size : after_name]
    name = _decode_name(raw_name, utf8=bool(fields[3] & _UTF8_NAME))
    if comment_length:
        raise _crooked(f"entry {name!r} carries a comment")
    _check_extra(data[after_name:following], name)
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
        raise _crooked(f"entry {name!r} starts on another disk")
    return entry, following


def _decode_name(raw: bytes, *, utf8: bool) -> str:
    try:
        return raw.decode("utf-8" if utf8 else "ascii")
    except UnicodeDecodeError:
        raise unsafe(raw.decode("latin-1"), "has a name that is not UTF-8 (or not marked as such)") from None


def _check_extra(extra: bytes, name: str, restated: bytes | None = None) -> None:
    """Refuse extra fields that contradict the header; ``restated`` is the zip64 field that would not."""
    at = 0
    while at < len(extra):
        if at + 4 > len(extra):
            raise _crooked(f"entry {name!r} has a broken extra field")
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind in _CONTRADICTING_EXTRAS and extra[at : at + 4 + size] != restated:
            raise _crooked(f"entry {name!r} carries a {_CONTRADICTING_EXTRAS[kind]} extra field")
        at += 4 + size
    if at != len(extra):
        raise _crooked(f"entry {name!r} has a broken extra field")


def _check_entry(entry: Entry, limits: Limits) -> None:
    check_name(entry.name, limits)
    if entry.common[1] & ~_HARMLESS_FLAGS:
        raise unsafe(entry.name, f"is encrypted, streamed or patched (zip flags {entry.common[1]:#06x})")
    if entry.method not in (_STORED, _DEFLATED):
        raise unsafe(entry.name, f"uses compression method {entry.method}; only stored and deflated are read")
    if entry.method == _STORED and entry.stored_size != entry.size:
        raise _crooked(f"entry {entry.name!r} is stored, yet its two sizes differ")
    _check_kind(entry)


def _check_kind(entry: Entry) -> None:
    expected = stat.S_IFDIR if entry.is_directory else stat.S_IFREG
    if stat.S_IFMT(entry.mode) not in (0, expected):
        kind = "symbolic link" if stat.S_ISLNK(entry.mode) else "special file"
        raise unsafe(entry.name, f"is a {kind} by its mode ({entry.mode:#o}); only regular files are read")
    if entry.mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
        raise unsafe(entry.name, "has a set-user-id, set-group-id or sticky bit")
    if entry.is_directory and entry.size:
        raise unsafe(entry.name, "is a folder with content")
    if entry.dos_attributes & _DOS_DIRECTORY and not entry.is_directory:
        raise unsafe(entry.name, "is a file by name and a folder by attribute")


def _check_declared_sizes(entries: list[Entry], archive_size: int, limits: Limits) -> None:
    """Refuse early what declares itself too large; :func:`_inflate` then holds entries to their declaration."""
    for entry in entries:
        if entry.size > limits.entry_bytes:
            raise _too_large(f"entry {entry.name!r} inflates to {entry.size} bytes, more than {limits.entry_bytes}")
    total = sum(entry.size for entry in entries)
    if total > limits.total_bytes:
        raise _too_large(f"the archive inflates to {total} bytes, more than {limits.total_bytes}")
    if total > limits.ratio_floor and total > archive_size * limits.ratio:
        raise _too_large(f"the archive inflates {total // archive_size}-fold, more than {limits.ratio}-fold")


def _local_entries(data: bytes, entries: list[Entry], directory: int) -> dict[int, int]:
    """Check that the local entries tile the file up to ``directory``; return header offset -> data offset."""
    positions: dict[int, int] = {}
    at = 0
    for entry in sorted(entries, key=lambda e: e.offset):
        if entry.offset != at:
            what = "before the first entry" if at == 0 else f"between entries, or entries overlap, at {entry.name!r}"
            raise _crooked(f"bytes lie {what}")
        positions[at] = _local_data(data, entry, directory)
        at = positions[at] + entry.stored_size
    if at != directory:
        raise _crooked("bytes lie between the last entry and the central directory")
    return positions


def _local_data(data: bytes, entry: Entry, directory: int) -> int:
    after_header = entry.offset + _LOCAL.size
    if after_header > directory or data[entry.offset : entry.offset + 4] != _LOCAL_MAGIC:
        raise _crooked(f"entry {entry.name!r} has no local header where the central directory says")
    *fields, extra_length = _LOCAL.unpack_from(data, entry.offset)
    after_name = after_header + len(entry.raw_name)
    if tuple(fields[1:]) != entry.common or data[after_header:after_name] != entry.raw_name:
        raise _crooked(f"entry {entry.name!r} is described differently by its local header and the central directory")
    start: int = after_name + extra_length
    if start + entry.stored_size > directory:
        raise _crooked(f"entry {entry.name!r} reaches into the central directory")
    _check_extra(data[after_name:start], entry.name, struct.pack("<2H2Q", _ZIP64, 16, entry.size, entry.stored_size))
    return start


def _inflate(data: bytes, entry: Entry, start: int) -> bytes:
    stored = data[start : start + entry.stored_size]
    content = stored if entry.method == _STORED else _inflate_exactly(stored, entry)
    if zlib.crc32(content) != entry.crc:
        raise _crooked(f"entry {entry.name!r} fails its checksum")
    return content


def _inflate_exactly(stored: bytes, entry: Entry) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # One byte more than declared is asked for, so that a liar is caught and a bomb never unfolds.
        content = inflater.decompress(stored, entry.size + 1)
    except zlib.error:
        raise _crooked(f"entry {entry.name!r} does not inflate") from None
    if len(content) != entry.size or not inflater.eof or inflater.unused_data or inflater.unconsumed_tail:
        raise _crooked(f"entry {entry.name!r} does not inflate to its declared size of {entry.size} bytes")
    return content


def _crooked(message: str) -> InvalidWheel:
    return InvalidWheel(
        "polyglot-or-trailing-data",
        message,
        help="rebuild the wheel with `theodore-plugin package`; a reader that tolerates this may see other content",
    )


def _too_large(message: str) -> InvalidWheel:
    return InvalidWheel("archive-too-large", message, help="ship less in the wheel; fetch large data at run time")
