"""Everything that is wrong with a wheel, in one reading, and what can be looked at in spite of it.

A host stops at the first defect (:meth:`Wheel.read`); whoever made the wheel wants to know all of them, and a check
must not keep silent about the code because the archive is crooked. The parsers are the host's own; entries whose name
or kind is unsafe are named and left out, so nothing that follows meets them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from theodore_loader.artifact import contents
from theodore_loader.artifact.archive import embedded_archive, list_archive, read_archive
from theodore_loader.artifact.dist_info import (
    Identity,
    check_metadata,
    check_tags,
    check_wheel_file,
    find_dist_info,
    parse_filename,
)
from theodore_loader.artifact.limits import DEPENDENCY, PLUGIN, Limits
from theodore_loader.artifact.record import record_defects
from theodore_loader.artifact.wheel import Wheel, dependency_defects, plugin_defects
from theodore_loader.errors import InvalidWheel

MOST_DEFECTS = 1_000
"""More are counted, not listed: an archive can be made to have sixty thousand."""
_TOO_LARGE = "archive-too-large"


@dataclass(frozen=True, slots=True)
class Survey:
    """A wheel as far as it can be read, and its defects by who judges it."""

    wheel: Wheel
    as_plugin: tuple[InvalidWheel, ...] = ()
    """By the terms of hosts for a plugin's wheel."""
    as_dependency: tuple[InvalidWheel, ...] = ()
    """By the terms of hosts for the wheel of a dependency: it may be larger, and hold machine code and scripts."""
    unread: tuple[str, ...] = ()
    """Entries that were not read, because of a defect that is named."""


@dataclass(frozen=True, slots=True)
class _Archive:
    entries: Mapping[str, bytes]
    unread: frozenset[str]
    defects: tuple[InvalidWheel, ...]


def survey(data: bytes, filename: str) -> Survey:
    """Read the wheel; never raises for what is in it."""
    as_plugin = _archive(data, PLUGIN)
    large = any(defect.rule == _TOO_LARGE for defect in as_plugin.defects)
    archive = _archive(data, DEPENDENCY) if large else as_plugin
    identity, misnamed = _identity(filename)
    dist_info = _dist_info(archive.entries)
    wheel = _wheel(data, filename, archive, identity, dist_info)
    shared = (*misnamed, *_metadata_defects(archive, identity, dist_info))
    # An archive of which nothing could be read holds nothing to judge.
    ours = (*_tag_defects(wheel), *_found(lambda: plugin_defects(wheel))) if wheel.entries else ()
    theirs = tuple(_found(lambda: dependency_defects(wheel)))
    return Survey(
        wheel,
        _bounded([*as_plugin.defects, *shared, *ours]),
        _bounded([*archive.defects, *shared, *theirs]),
        tuple(sorted(archive.unread)),
    )


def unread_survey(filename: str, size: int, limit: int) -> Survey:
    """Answer for a file that is too large to be read at all."""
    defect = InvalidWheel(
        _TOO_LARGE, f"the archive has {size} bytes, more than {limit}; nothing of it was read", help="ship less"
    )
    identity, _ = _identity(filename)
    empty = _Archive({}, frozenset(), ())
    return Survey(_wheel(b"", filename, empty, identity, "none.dist-info"), (defect,), (defect,))


def _archive(data: bytes, limits: Limits) -> _Archive:
    found: list[InvalidWheel] = []
    try:
        entries = read_archive(data, limits, found.append)
        listed = list_archive(data, limits, lambda _: None)
    except InvalidWheel as defect:
        inner = embedded_archive(data)
        if inner is None or len(inner.data) == len(data):
            return _Archive({}, frozenset(), (*found, defect))
        within = _archive(inner.data, limits)
        before = [_foreign(inner.start)] if inner.start else []
        return _Archive(within.entries, within.unread, (*found, defect, *before, *within.defects))
    unread = frozenset(entry.name for entry in listed if not entry.is_directory) - entries.keys()
    return _Archive(entries, unread, tuple(found))


def _foreign(size: int) -> InvalidWheel:
    return InvalidWheel(
        "polyglot-or-trailing-data",
        f"{size} bytes lie before the archive: to other programs the file is something else",
        help="rebuild the wheel with `theodore-plugin package`",
    )


def _identity(filename: str) -> tuple[Identity, tuple[InvalidWheel, ...]]:
    try:
        return parse_filename(filename), ()
    except InvalidWheel as defect:
        return Identity(filename.removesuffix(".whl"), "", frozenset()), (defect,)


def _dist_info(entries: Iterable[str]) -> str:
    tops = sorted({name.partition("/")[0] for name in entries if "/" in name})
    return next((top for top in tops if top.endswith(".dist-info")), "none.dist-info")


def _wheel(data: bytes, filename: str, archive: _Archive, identity: Identity, dist_info: str) -> Wheel:
    return Wheel(
        filename=filename,
        name=identity.name,
        version=identity.version,
        tags=identity.tags,
        sha256=hashlib.sha256(data).hexdigest(),
        dist_info=dist_info,
        entries=MappingProxyType(dict(archive.entries)),
        data=data,
        native_files=contents.native_files(archive.entries),
    )


def _metadata_defects(archive: _Archive, identity: Identity, dist_info: str) -> Iterator[InvalidWheel]:
    """Say what is wrong with ``.dist-info``; of an archive of which nothing could be read that is no news."""
    if not archive.entries:
        return
    entries, unread = archive.entries, archive.unread
    checks: dict[str, Callable[[], object]] = {"WHEEL": lambda: check_wheel_file(entries, dist_info)}
    if identity.version:
        checks[""] = lambda: find_dist_info({*entries, *unread}, identity)
        checks["METADATA"] = lambda: check_metadata(entries, dist_info, identity)
    for name, check in checks.items():
        if f"{dist_info}/{name}" not in unread:
            yield from _raised(check)
    if f"{dist_info}/RECORD" not in unread:
        yield from record_defects(entries, dist_info, unread)


def _tag_defects(wheel: Wheel) -> Iterator[InvalidWheel]:
    if wheel.version and f"{wheel.dist_info}/WHEEL" in wheel.entries:
        yield from _raised(lambda: check_tags(wheel.entries, wheel.dist_info, wheel.tags))


def _raised(check: Callable[[], object]) -> Iterator[InvalidWheel]:
    try:
        check()
    except InvalidWheel as defect:
        yield defect


def _found(defects: Callable[[], Iterator[InvalidWheel]]) -> Iterator[InvalidWheel]:
    """Iterate over defects; what makes further ones impossible to say (an unreadable manifest) is the last."""
    try:
        yield from defects()
    except InvalidWheel as defect:
        yield defect


def _bounded(defects: Iterable[InvalidWheel]) -> tuple[InvalidWheel, ...]:
    """Return each defect once, and how many there are beyond :data:`MOST_DEFECTS`."""
    found = list({(defect.rule, defect.message): defect for defect in defects}.values())
    if len(found) <= MOST_DEFECTS:
        return tuple(found)
    last = found[MOST_DEFECTS]
    more = f"{len(found) - MOST_DEFECTS} more defects like this: {last.message}"
    return (*found[:MOST_DEFECTS], InvalidWheel(last.rule, more, help=last.help, entry=last.entry))
