"""A zip writer that can lie, and wheels made with it."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import pytest

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
DOS_1980 = (0, 33)


@dataclass(frozen=True)
class RawEntry:
    """One entry; ``local`` and ``central`` override header fields on one side only."""

    name: bytes
    content: bytes = b""
    method: int = 8
    flags: int = 0
    mode: int = 0o100644
    dos: int = 0
    stored: bytes | None = None
    local: Mapping[str, int | bytes] = field(default_factory=dict)
    central: Mapping[str, int | bytes] = field(default_factory=dict)
    local_extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    gap: bytes = b""

    @cached_property
    def payload(self) -> bytes:
        """What is stored: deflated content, the content, or what the test says."""
        if self.stored is not None:
            return self.stored
        if self.method != 8:
            return self.content
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(self.content) + deflater.flush()

    def fields(self, overrides: Mapping[str, int | bytes]) -> dict[str, int | bytes]:
        """Header fields of one side."""
        true: dict[str, int | bytes] = {
            "needed": 20,
            "flags": self.flags,
            "method": self.method,
            "time": DOS_1980[0],
            "date": DOS_1980[1],
            "crc": zlib.crc32(self.content),
            "stored": len(self.payload),
            "size": len(self.content),
            "name": self.name,
        }
        return true | dict(overrides)


_COMMON = ("needed", "flags", "method", "time", "date", "crc", "stored", "size")


def _write(
    entries: list[RawEntry],
    *,
    prefix: bytes = b"",
    before_directory: bytes = b"",
    before_end: bytes = b"",
    suffix: bytes = b"",
    comment: bytes = b"",
    end: Mapping[str, int] | None = None,
) -> bytes:
    out = bytearray(prefix)
    directory = bytearray()
    for entry in entries:
        out += entry.gap
        offset = len(out)
        near = entry.fields(entry.local)
        out += LOCAL.pack(b"PK\3\4", *(near[k] for k in _COMMON), len(near["name"]), len(entry.local_extra))
        out += near["name"] + entry.local_extra + entry.payload
        far = entry.fields({"offset": offset, **entry.central})
        directory += CENTRAL.pack(
            b"PK\1\2", 0x0314, *(far[k] for k in _COMMON), len(far["name"]), len(entry.central_extra),
            len(entry.comment), far.get("disk", 0), 0, entry.mode << 16 | entry.dos, far["offset"],
        )  # fmt: skip
        directory += far["name"] + entry.central_extra + entry.comment
    out += before_directory
    start = len(out)
    values = {
        "disk": 0, "start_disk": 0, "here": len(entries), "count": len(entries), "size": len(directory), "start": start
    } | dict(end or {})  # fmt: skip
    out += directory + before_end + END.pack(b"PK\5\6", *values.values(), len(comment)) + comment + suffix
    return bytes(out)


def _record(files: Mapping[str, bytes], dist_info: str) -> bytes:
    def row(name: str, content: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(content)}\n"

    lines = "".join(row(name, content) for name, content in files.items() if name != f"{dist_info}/RECORD")
    return (lines + f"{dist_info}/RECORD,,\n").encode()


@dataclass(frozen=True)
class WheelKit:
    """Makes wheels of one distribution, right or wrong on purpose."""

    name: str = "acme-hello"
    version: str = "1.2.0"
    tag: str = "py3-none-any"

    @property
    def stem(self) -> str:
        return self.name.replace("-", "_")

    @property
    def dist_info(self) -> str:
        return f"{self.stem}-{self.version}.dist-info"

    @property
    def filename(self) -> str:
        return f"{self.stem}-{self.version}-{self.tag}.whl"

    def files(self, extra: Mapping[str, bytes] | None = None, *, record: bytes | None = None) -> dict[str, bytes]:
        """Contents of a good wheel plus ``extra`` (a value of ``None`` would remove), RECORD made to fit."""
        metadata = f"Metadata-Version: 2.4\nName: {self.name}\nVersion: {self.version}\n"
        files = {
            f"{self.stem}/__init__.py": b"GREETING = 'hello'\n",
            f"{self.dist_info}/METADATA": metadata.encode(),
            f"{self.dist_info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {self.tag}\n".encode(),
        } | dict(extra or {})
        return files | {f"{self.dist_info}/RECORD": record if record is not None else _record(files, self.dist_info)}

    def entries(self, extra: Mapping[str, bytes] | None = None, *, record: bytes | None = None) -> list[RawEntry]:
        """The same as raw entries."""
        return [
            RawEntry(name.encode(), content, flags=0 if name.isascii() else 0x800)
            for name, content in self.files(extra, record=record).items()
        ]

    def bytes(self, extra: Mapping[str, bytes] | None = None, *, record: bytes | None = None) -> bytes:
        """The same as an archive."""
        return _write(self.entries(extra, record=record))

    def named(self, name: str, version: str = "1.0", tag: str = "py3-none-any") -> WheelKit:
        """A kit for another distribution."""
        return replace(self, name=name, version=version, tag=tag)


@pytest.fixture(scope="session")
def raw_zip() -> Callable[..., bytes]:
    """Write raw entries as an archive, with room for bytes where none belong."""
    return _write


@pytest.fixture(scope="session")
def raw_entry() -> type[RawEntry]:
    """The class of one raw entry."""
    return RawEntry


@pytest.fixture(scope="session")
def kit() -> WheelKit:
    """Makes good and bad wheels of ``acme-hello`` 1.2.0."""
    return WheelKit()
