"""The texts of OSV records out of a file, archive or folder, one at a time, and where each was found.

Nothing is ever extracted to disk, no text is read beyond its bound, and the sum of all texts is bounded too, so
that neither a compression bomb nor an endless line costs more than time.
"""

from __future__ import annotations

import gzip
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.advisories.record import MAX_RECORD_BYTES

MAX_TOTAL_BYTES = 4 * 2**30
"""Unpacked size of all records; 2,661 looked at have 5 MB."""

MAX_RECORDS = 2_000_000
"""Texts in one archive or folder."""

HELP = "give an OSV snapshot: .jsonl, .jsonl.gz (one JSON record per line), the OSV all.zip, or a folder of .json files"

_ZIP, _GZIP = b"PK", b"\x1f\x8b"
_END_RECORD, _END_RECORD_SPAN = b"PK\x05\x06", 22 + 65_535
_DAMAGED_ZIP = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)
"""What the standard library raises over archives that were damaged or made up."""

_MAX_DIRECTORY_BYTES = 256 * 2**20
"""Of an archive's own list of members, which has to be held in memory."""


@dataclass(frozen=True, slots=True)
class Text:
    """One record's text; ``place`` is ``file:line``, ``archive: member`` or a path."""

    place: str
    data: bytes


def texts(path: Path, shown: str = "") -> Iterator[Text]:
    """Yield every text of ``path``, which is called ``shown`` where it is a file without a name of its own.

    Raises ConfigurationProblem naming the place for what is no snapshot.
    """
    shown = shown or str(path)
    try:
        yield from _bounded(_folder(path) if path.is_dir() else _file(path, shown), shown)
    except FileNotFoundError:
        raise ConfigurationProblem(f"{shown}: there is no such advisory snapshot", help=HELP) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise ConfigurationProblem(f"{shown}: not a complete gzip file ({problem})", help=HELP) from None


def _bounded(found: Iterable[Text], shown: str) -> Iterator[Text]:
    total = 0
    for number, text in enumerate(found, start=1):
        total += len(text.data)
        if total > MAX_TOTAL_BYTES or number > MAX_RECORDS:
            bound = f"{MAX_TOTAL_BYTES // 2**20} MiB or {MAX_RECORDS} records"
            raise ConfigurationProblem(f"{shown}: holds more than {bound} unpacked", help=HELP)
        yield text


def _file(path: Path, shown: str) -> Iterator[Text]:
    with _regular(path) as file:
        magic = file.read(2)
        file.seek(0)
        if magic == _ZIP or path.suffix == ".zip":
            yield from _archive(file, shown)
        elif magic == _GZIP or path.suffix == ".gz":
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield from _lines(unpacked, shown)
        elif path.suffix == ".json":
            yield Text(shown, file.read(MAX_RECORD_BYTES + 1))
        else:
            yield from _lines(file, shown)


def _lines(file: BinaryIO | gzip.GzipFile, shown: str) -> Iterator[Text]:
    """Yield the lines that are not empty; one that is too long is cut, and refused as a record."""
    number = 0
    while line := file.readline(MAX_RECORD_BYTES + 1):
        number += 1
        if line.strip():
            yield Text(f"{shown}:{number}", line)
        while line and not line.endswith(b"\n"):  # the rest of a line that was cut
            line = file.readline(MAX_RECORD_BYTES + 1)


def _folder(folder: Path) -> Iterator[Text]:
    """Yield ``.json`` files at any depth in the order of their names; hidden folders are not entered."""
    for parent, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".json"):
                path = Path(parent, name)
                with _regular(path) as file:
                    yield Text(str(path), file.read(MAX_RECORD_BYTES + 1))


def _archive(file: BinaryIO, shown: str) -> Iterator[Text]:
    try:
        _refuse_large_directory(file, shown)
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    yield Text(f"{shown}: {member.filename}", _member(archive, member, shown))
    except _DAMAGED_ZIP as problem:
        raise ConfigurationProblem(f"{shown}: not a sound zip archive ({problem})", help=HELP) from None


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, shown: str) -> bytes:
    name = PurePosixPath(member.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename or name.suffix != ".json":
        raise ConfigurationProblem(f"{shown}: {member.filename!r} is no member of an OSV archive", help=HELP)
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ConfigurationProblem(f"{shown}: {member.filename!r} is packed in an unusual way", help=HELP)
    with archive.open(member) as stream:
        return stream.read(MAX_RECORD_BYTES + 1)


def _refuse_large_directory(file: BinaryIO, shown: str) -> None:
    """Refuse an archive whose list of members would not fit: it is read as a whole before the first member.

    The list stands before the end record (APPNOTE 6.3.10, section 4.3.16), which says how long it is, or, in the
    64-bit form, 0xFFFFFFFF, and then the archive is larger than any snapshot.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_RECORD_SPAN))
    tail = file.read()
    at = tail.rfind(_END_RECORD)
    length = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if length > _MAX_DIRECTORY_BYTES:
        raise ConfigurationProblem(f"{shown}: lists more members than a snapshot has", help=HELP)
    file.seek(0)


def _regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; anything else could block or never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigurationProblem(f"{path}: not a regular file", help=HELP)
    return os.fdopen(descriptor, "rb")


def _raise(problem: OSError) -> None:
    raise problem
