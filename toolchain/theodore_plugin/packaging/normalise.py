"""Rewrite a wheel so that its bytes follow from its contents alone, and add the manifest and the lock.

Backends leak the umask, the order of directory listings, the time and the compression library into the archive.
Here entries are sorted (``.dist-info`` last, RECORD at the very end), carry one time and one mode, and are stored,
not deflated: zlib and its replacements compress to different bytes, and then nobody else could rebuild the digest.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Mapping

from theodore_loader.artifact.archive import read_archive
from theodore_loader.artifact.dist_info import find_dist_info, parse_filename
from theodore_loader.artifact.limits import PLUGIN
from theodore_loader.artifact.record import record_line
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import InvalidWheel

_REGULAR_0644 = 0o100644 << 16
_UNIX = 3


def normalise(data: bytes, filename: str, additions: Mapping[str, bytes], *, epoch: int) -> Wheel:
    """Return the normalised wheel, read back with every check a host makes.

    ``additions`` are files for the ``.dist-info`` folder, by name inside it; ``epoch`` is the time of every entry in
    seconds since 1970, from 1980 on. Raises :class:`InvalidWheel` if the backend's wheel is not acceptable.
    """
    entries = read_archive(data, PLUGIN)
    dist_info = find_dist_info(entries, parse_filename(filename))
    return Wheel.read(write_wheel(_with_additions(entries, dist_info, additions), dist_info, epoch=epoch), filename)


def write_wheel(entries: Mapping[str, bytes], dist_info: str, *, epoch: int) -> bytes:
    """Write a wheel archive from ``entries`` (its RECORD is made anew); same input, same bytes."""
    record_name = f"{dist_info}/RECORD"
    names = sorted((n for n in entries if n != record_name), key=lambda n: (n.startswith(f"{dist_info}/"), n))
    record = "".join(record_line(name, entries[name]) for name in names) + f"{record_name},,\n"
    moment = time.gmtime(epoch)[:6]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            archive.writestr(_header(name, moment), entries[name])
        archive.writestr(_header(record_name, moment), record)
    return buffer.getvalue()


def _header(name: str, moment: tuple[int, ...]) -> zipfile.ZipInfo:
    header = zipfile.ZipInfo(name, (moment[0], moment[1], moment[2], moment[3], moment[4], moment[5]))
    header.create_system = _UNIX
    header.external_attr = _REGULAR_0644
    header.compress_type = zipfile.ZIP_STORED
    return header


def _with_additions(entries: Mapping[str, bytes], dist_info: str, additions: Mapping[str, bytes]) -> dict[str, bytes]:
    merged = dict(entries)
    for name, content in additions.items():
        path = f"{dist_info}/{name}"
        if path in merged:
            raise InvalidWheel(
                "unexpected-file",
                f"the build already put {path!r} into the wheel, which only packaging may do",
                help="remove it from the build configuration",
            )
        merged[path] = content
    return merged
