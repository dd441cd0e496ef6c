"""A wheel as verified bytes: read once, checked completely, then only these entries are ever used.

The order of checks, cheapest and most general first:

1. the file name is a wheel's;
2. the archive has one meaning and bounded size (:mod:`.archive`);
3. one ``.dist-info``, and file name, folder, METADATA and WHEEL agree (:mod:`.dist_info`);
4. RECORD lists every file, truly (:mod:`.record`);
5. nothing in it acts by itself, nothing is there that does not belong (:mod:`.contents`);
6. machine code only where the manifest asks for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from theodore_loader.artifact import contents
from theodore_loader.artifact.archive import read_archive
from theodore_loader.artifact.dist_info import (
    check_metadata,
    check_tags,
    check_wheel_file,
    find_dist_info,
    parse_filename,
)
from theodore_loader.artifact.limits import DEPENDENCY, PLUGIN, Limits
from theodore_loader.artifact.record import check_record
from theodore_loader.errors import InvalidWheel, Refused
from theodore_loader.manifest import MANIFEST_NAME, Manifest, from_json
from theodore_sdk.info import PermissionType

if TYPE_CHECKING:
    from packaging.tags import Tag

LOCK_NAME = "pylock.toml"
API_USAGE_NAME = "api-usage.json"


@dataclass(frozen=True, slots=True)
class KnownContents:
    """What reading a wheel has shown: its digest, its ``.dist-info``, the SHA-256 of every entry, the machine code."""

    sha256: str
    dist_info: str
    entries: Mapping[str, str]
    native_files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel that passed every check; build it with :meth:`read` or :func:`read_dependency_wheel`.

    ``entries`` maps archive names to contents; ``data`` is the file itself, ``sha256`` its hex digest;
    ``native_files`` are the entries that are machine code.
    """

    filename: str
    name: str
    version: str
    tags: frozenset[Tag]
    sha256: str
    dist_info: str
    entries: Mapping[str, bytes] = field(repr=False)
    data: bytes = field(repr=False)
    native_files: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: bytes, filename: str) -> Wheel:
        """Read a plugin's wheel, strictly. Raises :class:`InvalidWheel` with the rule that refused it."""
        with _named(filename):
            wheel = _read(data, filename, PLUGIN)
            check_tags(wheel.entries, wheel.dist_info, wheel.tags)
            for defect in plugin_defects(wheel):
                raise defect
        return wheel

    @classmethod
    def restored(cls, data: bytes, filename: str, known: KnownContents, unpacked: Mapping[str, bytes]) -> Wheel | None:
        """Build a wheel that :meth:`read` accepted before from its unpacked files, each hashed again.

        ``known`` is what was found then, about exactly these ``data``; the caller answers for that. ``None`` if
        ``unpacked`` is not to the byte what was in the wheel.
        """
        if known.entries != {name: hashlib.sha256(content).hexdigest() for name, content in unpacked.items()}:
            return None
        identity = parse_filename(filename)
        return cls(
            filename=filename,
            name=identity.name,
            version=identity.version,
            tags=identity.tags,
            sha256=known.sha256,
            dist_info=known.dist_info,
            entries=unpacked,
            data=data,
            native_files=known.native_files,
        )

    @property
    def contents(self) -> KnownContents:
        """What :meth:`restored` needs to know of this wheel."""
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in self.entries.items()}
        return KnownContents(self.sha256, self.dist_info, digests, self.native_files)

    @property
    def manifest(self) -> Manifest:
        """The compiled manifest. Raises :class:`Refused` (``manifest-missing``, ``manifest-invalid``)."""
        content = self.entries.get(f"{self.dist_info}/{MANIFEST_NAME}")
        if content is None:
            raise Refused(
                "manifest-missing",
                f"{self.filename} carries no {MANIFEST_NAME}: it is a wheel, but no packaged plugin",
                help="make the wheel with `theodore-plugin package`",
            )
        return from_json(content)

    @property
    def lock(self) -> bytes | None:
        """The lock of the plugin's dependencies (PEP 751), or ``None`` if the wheel carries none."""
        return self.entries.get(f"{self.dist_info}/{LOCK_NAME}")

    @property
    def sbom(self) -> bytes | None:
        """The CycloneDX bill of materials (PEP 770), or ``None`` if the wheel carries none."""
        return self.entries.get(f"{self.dist_info}/sboms/{self.name}.cdx.json")

    @property
    def api_usage(self) -> bytes | None:
        """What of the SDK the plugin uses (``api-usage.json``), or ``None`` if the wheel does not say."""
        return self.entries.get(f"{self.dist_info}/{API_USAGE_NAME}")


def read_dependency_wheel(data: bytes, filename: str) -> Wheel:
    """Read the wheel of a dependency: as safe and complete, but machine code and several packages may be in it.

    Unpack only :func:`.contents.unpacked` of it. Whether its ``native_files`` are acceptable is for the
    caller to say, who knows the grants.
    """
    with _named(filename):
        wheel = _read(data, filename, DEPENDENCY)
        for defect in dependency_defects(wheel):
            raise defect
    return wheel


def plugin_defects(wheel: Wheel) -> Iterator[InvalidWheel]:
    """Name what may not be in a plugin's wheel, however well-formed: steps 5 and 6 above."""
    yield from contents.startup_hooks(wheel.entries)
    yield from contents.unexpected_files(wheel.entries)
    yield from contents.pollution(wheel.entries, wheel.dist_info)
    yield from _undeclared_native(wheel)


def dependency_defects(wheel: Wheel) -> Iterator[InvalidWheel]:
    """Name what may not be in the wheel of a dependency."""
    yield from contents.dependency_hooks(wheel.entries)
    yield from contents.shadowing(wheel.entries, wheel.dist_info, rule="unclean-dependency-wheel")


@contextmanager
def _named(filename: str) -> Iterator[None]:
    """Name the file in a refusal that speaks of its inside only."""
    try:
        yield
    except InvalidWheel as defect:
        if filename in defect.message:
            raise
        raise InvalidWheel(defect.rule, f"{filename}: {defect.message}", help=defect.help, entry=defect.entry) from None


def _read(data: bytes, filename: str, limits: Limits) -> Wheel:
    identity = parse_filename(filename)
    entries = read_archive(data, limits)
    dist_info = find_dist_info(entries, identity)
    check_metadata(entries, dist_info, identity)
    check_wheel_file(entries, dist_info)
    check_record(entries, dist_info)
    return Wheel(
        filename=filename,
        name=identity.name,
        version=identity.version,
        tags=identity.tags,
        sha256=hashlib.sha256(data).hexdigest(),
        dist_info=dist_info,
        entries=MappingProxyType(entries),
        data=data,
        native_files=contents.native_files(entries),
    )


def _undeclared_native(wheel: Wheel) -> Iterator[InvalidWheel]:
    if not wheel.native_files:
        return
    if not _declares_native(wheel):
        for name in wheel.native_files:
            yield InvalidWheel(
                "undeclared-native-binary",
                f"entry {name!r} is machine code, and the manifest asks for no `native` permission",
                help="declare PluginPermission(PermissionType.NATIVE, …), or ship source only",
                entry=name,
            )
    if any(tag.platform == "any" for tag in wheel.tags):
        first = wheel.native_files[0]
        yield InvalidWheel(
            "platform-tag-wrong",
            f"entry {first!r} is machine code in a wheel tagged for any platform",
            help="build a platform wheel",
            entry=first,
        )


def _declares_native(wheel: Wheel) -> bool:
    if f"{wheel.dist_info}/{MANIFEST_NAME}" not in wheel.entries:
        return False
    try:
        permissions = wheel.manifest.info.permissions
    except Refused as defect:
        raise InvalidWheel(defect.rule, defect.message, help=defect.help) from None
    return any(permission.type is PermissionType.NATIVE for permission in permissions)
