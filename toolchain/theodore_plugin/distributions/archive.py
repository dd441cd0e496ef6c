"""Wheels and source archives, read straight from the archive: nothing is unpacked, nothing is built.

A wheel is read as strictly as the loader reads a dependency's, except that what acts by itself (start-up hooks) is
read and listed instead of being refused: whoever asks what a wheel can do wants exactly that in the answer.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path, PurePosixPath

from theodore_loader.artifact.archive import read_archive
from theodore_loader.artifact.contents import native_files
from theodore_loader.artifact.dist_info import check_metadata, check_wheel_file, find_dist_info, parse_filename
from theodore_loader.artifact.limits import DEPENDENCY
from theodore_loader.artifact.record import check_record
from theodore_loader.errors import ConfigurationProblem, InvalidWheel, NothingToDo
from theodore_plugin.distributions.folder import InMemory, of_project
from theodore_plugin.distributions.metadata import read_metadata
from theodore_plugin.distributions.model import (
    HOOK_SUFFIX,
    SDIST_SUFFIXES,
    Distribution,
    Unreadable,
    import_name,
    is_startup_hook,
)
from theodore_plugin.distributions.reading import MIB, read_regular
from theodore_plugin.project import PluginProject

MAX_SDIST_BYTES = 256 * MIB
MAX_SDIST_MEMBERS = 20_000
_HOOK_MODULES = frozenset({"sitecustomize.py", "usercustomize.py"})


def wheel_distribution(path: Path) -> Distribution:
    """Read a wheel file. Raises InvalidWheel with the rule of the first thing wrong, or ConfigurationProblem."""
    data = _file(path, DEPENDENCY.archive_bytes)
    try:
        return replace(distribution_of_wheel(data, path.name), inputs=(("file", str(path.absolute())),))
    except InvalidWheel as defect:
        if path.name in defect.message:
            raise
        raise InvalidWheel(defect.rule, f"{path.name}: {defect.message}", help=defect.help) from None


def distribution_of_wheel(data: bytes, filename: str) -> Distribution:
    """Read a wheel's bytes. Raises InvalidWheel."""
    identity = parse_filename(filename)
    entries = read_archive(data, DEPENDENCY)
    dist_info = find_dist_info(entries, identity)
    check_metadata(entries, dist_info, identity)
    check_wheel_file(entries, dist_info)
    check_record(entries, dist_info)
    members = _placed(entries, dist_info)
    files = {path: import_name(path) for path in sorted(members) if path.endswith(".py")}
    hooks = [path for path in sorted(members) if "/" not in path and is_startup_hook(path, members[path])]
    return Distribution(
        identity.name,
        identity.version,
        hashlib.sha256(data).hexdigest(),
        files | dict.fromkeys(hooks),
        native=native_files(members),
        requirements=read_metadata(entries[f"{dist_info}/METADATA"]).requirements,
        startup_hooks=(*hooks, *(path for path in files if path in _HOOK_MODULES)),
        contents=InMemory({path: content for path, content in members.items() if path.endswith((".py", HOOK_SUFFIX))}),
    )


def sdist_distribution(path: Path) -> Distribution:
    """Read a source archive as the folder it would unpack to. Raises ConfigurationProblem or NothingToDo."""
    data = _file(path, MAX_SDIST_BYTES)
    project = PluginProject.from_files(dict(_sdist_files(data, path.name)), label=_stem(path.name))
    if not project.files:
        raise NothingToDo(f"{path.name} holds no Python code", help="give the source archive of a Python project")
    found = of_project(project)
    name, _, version = _stem(path.name).rpartition("-")
    return replace(
        found,
        name=found.name if project.name else name or found.name,
        version=project.version or version,
        digest=hashlib.sha256(data).hexdigest(),
        inputs=(("file", str(path.absolute())),),
    )


def _placed(entries: Mapping[str, bytes], dist_info: str) -> dict[str, bytes]:
    """Put members where an installer would: ``*.data/purelib`` and ``platlib`` are import roots as well."""
    data = dist_info.removesuffix(".dist-info") + ".data/"
    placed: dict[str, bytes] = {}
    for path, content in entries.items():
        inside = path.removeprefix(data)
        if inside != path and inside.startswith(("purelib/", "platlib/")):
            path = inside.partition("/")[2]
        if not path.startswith(f"{dist_info}/"):
            placed[path] = content
    return placed


def _sdist_files(data: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the regular files of a source archive, below its one top folder; links and devices are left out."""
    total = 0
    try:
        with tarfile.open(fileobj=BytesIO(data)) as archive:
            for count, member in enumerate(archive, start=1):
                total += max(member.size, 0)
                if count > MAX_SDIST_MEMBERS or total > MAX_SDIST_BYTES:
                    raise ConfigurationProblem(f"{name} unpacks to more than is read", help="give the folder instead")
                parts = PurePosixPath(member.name).parts
                if member.isfile() and len(parts) > 1 and ".." not in parts and not member.name.startswith("/"):
                    stream = archive.extractfile(member)
                    yield "/".join(parts[1:]), stream.read() if stream else b""
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as problem:
        raise ConfigurationProblem(
            f"{name} is not a source archive that can be read: {problem}", help="download it again"
        ) from None


def _stem(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in SDIST_SUFFIXES if name.endswith(suffix)), name)


def _file(path: Path, limit: int) -> bytes:
    try:
        return read_regular(path, limit)
    except Unreadable as problem:
        raise ConfigurationProblem(f"{path} {problem}", help="give a wheel, a source archive or a folder") from None
