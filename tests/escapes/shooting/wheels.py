"""Wheels as an attacker writes them, and the naive installer that such wheels are written for."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from shooting.workers import INFO
from theodore_loader.manifest import Manifest, to_json

FILENAME = "canary-1.0.0-py3-none-any.whl"
DIST_INFO = "canary-1.0.0.dist-info"
_LOCAL = struct.Struct("<4s5H3L2H")

Member = Sequence[Any]
"""A name, its content and, maybe, a function that changes its ``ZipInfo``."""


def write(path: str | Path, members: Sequence[Member], entry_point: str = "plugin:Canary") -> None:
    """Write a wheel whose own parts are right, with these members in it."""
    own = {
        f"{DIST_INFO}/METADATA": b"Metadata-Version: 2.1\nName: canary\nVersion: 1.0.0\n",
        f"{DIST_INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{DIST_INFO}/theodore-plugin.json": to_json(Manifest(INFO, entry_point)),
    }
    every: list[Member] = [*members, *own.items()]
    record = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content, *_ in every)
    every.append((f"{DIST_INFO}/RECORD", f"{record}{DIST_INFO}/RECORD,,\n".encode()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, *change in every:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            for apply in change:
                apply(entry)
            archive.writestr(entry, content)


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@contextlib.contextmanager
def helper_of_the_catalogue() -> Iterator[None]:
    """Offer what the catalogue's cases of archives import: ``checks.mkwheel(path, members)``."""
    module = ModuleType("checks")
    module.mkwheel = write  # type: ignore[attr-defined]
    sys.modules["checks"] = module
    try:
        yield
    finally:
        del sys.modules["checks"]


def install_naively(wheel: Path, folder: Path) -> None:
    """Unpack a wheel while it is read, as it asks: links, ``.data`` and all; what no installer may do."""
    modes = {info.filename: info.external_attr >> 16 for info in zipfile.ZipFile(wheel).infolist()}
    for name, content in _streamed(wheel.read_bytes()):
        _, data, scheme = name.partition(".data/purelib/")
        target = folder / (scheme if data else name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISLNK(modes.get(name, 0)):
            os.symlink(content.decode(), target)
        else:
            target.write_bytes(content)


def _streamed(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what a reader finds that never looks at the central directory."""
    at = 0
    while data[at : at + 4] == b"PK\x03\x04":
        fields = _LOCAL.unpack_from(data, at)
        method, stored, name_size, extra_size = fields[3], fields[7], fields[9], fields[10]
        start = at + _LOCAL.size + name_size + extra_size
        name = data[at + _LOCAL.size : at + _LOCAL.size + name_size].decode()
        content = data[start : start + stored]
        yield name, zlib.decompress(content, -15) if method == zipfile.ZIP_DEFLATED else content
        at = start + stored


def _names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*")]


def _runs_unread_code(folder: Path) -> bool:
    sys.path.insert(0, str(folder))
    try:
        import plugin.core

        return plugin.core.X == "UNREVIEWED"
    finally:
        sys.path.remove(str(folder))
        for name in ("plugin.core", "plugin"):
            sys.modules.pop(name, None)


EVIDENCE: dict[str, Callable[[Path, str], bool]] = {
    "wheel_symlink_member": lambda folder, token: token in (folder / "plugin/data/secret.txt").read_text(),
    "wheel_local_central_mismatch": lambda folder, _: (folder / "plugin/notes.py_").exists(),
    "wheel_data_scheme_pth": lambda folder, _: (folder / "zz.pth").read_text().startswith("import "),
    "wheel_pyc_shadow": lambda folder, _: _runs_unread_code(folder),
    "wheel_case_collision": lambda folder, _: len({n.casefold() for n in _names(folder)}) < len(_names(folder)),
}
"""By the case's name, what shows that the naive installer fell for it."""
