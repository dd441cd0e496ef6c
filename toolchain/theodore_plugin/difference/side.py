"""One of the two things that are compared, whatever it was read from: a wheel, a source tree, an installed plugin."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from theodore_loader.artifact.lock import read_lock
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.permissions import Permission
from theodore_loader.trust.terms import Terms
from theodore_plugin.packaging.api_usage import from_json
from theodore_sdk.info import PluginInfo, PluginResourceLimits


class Source(StrEnum):
    """What a side was read from."""

    WHEEL = "wheel"
    TREE = "source"
    INSTALLED = "installed"
    REMEMBERED = "remembered"
    """Nothing but the terms of a plugin that was removed."""


class Signing(StrEnum):
    """What is known about who signed."""

    BELIEVED = "believed"
    NOT_BELIEVED = "not-believed"
    UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True)
class Asked:
    """A permission the manifest asks for, and the author's reason."""

    permission: Permission
    reason: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class File:
    """A shipped file: bytes and SHA-256."""

    size: int
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> File:
        """Describe a file's content."""
        return cls(len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class Content:
    """What only the thing itself tells; not known of a plugin that was removed.

    ``dependencies`` maps a distribution to its locked versions; ``None`` where there is no lock. ``files`` are those of
    the package, by their path on the import path; ``symbols`` the parts of the SDK that are used, where that is noted.
    """

    interfaces: tuple[str, ...]
    limits: PluginResourceLimits
    entry_point: str
    dependencies: Mapping[str, tuple[str, ...]] | None
    files: Mapping[str, File] = field(repr=False)
    symbols: frozenset[str] | None = None
    only_python: bool = False
    """Of a source tree only the text is known that would be shipped, so nothing else is compared."""


@dataclass(frozen=True, slots=True)
class Side:
    """One version of a plugin. ``signed_by`` says in words who signed, or why nobody is believed to have."""

    source: Source
    label: str
    name: str
    terms: Terms
    asked: tuple[Asked, ...]
    signing: Signing
    signed_by: str
    content: Content | None
    inferred: frozenset[str] | None = None
    """What the code was seen to do, as ``type access target``; ``None`` if nobody looked."""
    incomplete: tuple[str, ...] = ()
    """What could not be looked at, and why."""

    @property
    def version(self) -> str:
        """Its version."""
        return self.terms.version

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def asked_of(info: PluginInfo) -> tuple[Asked, ...]:
    """Return what a manifest asks for, each permission once, in one order."""
    found = {Permission(one.type, one.pattern): one for one in reversed(info.permissions)}
    return tuple(
        Asked(permission, found[permission].description, found[permission].required) for permission in sorted(found)
    )


def remembered_asked(terms: Terms) -> tuple[Asked, ...]:
    """Return the permissions that are remembered of a plugin; reasons are not."""
    return tuple(Asked(permission, "") for permission in terms.asked)


def signer_words(terms: Terms) -> str:
    """Say who signed what was accepted."""
    return f"signed by {terms.publisher}" if terms.publisher else "accepted unsigned by its digest"


def content_of(wheel: Wheel) -> Content:
    """Return what a wheel holds. Raises Refused for a manifest or lock that is not acceptable."""
    manifest = wheel.manifest
    return Content(
        interfaces=tuple(sorted(manifest.info.interfaces)),
        limits=manifest.info.resource_limits,
        entry_point=manifest.entry_point,
        dependencies=locked(wheel.lock),
        files={
            path: File.of(data) for path, data in wheel.entries.items() if not path.startswith(f"{wheel.dist_info}/")
        },
        symbols=symbols_of(wheel.api_usage),
    )


def locked(lock: bytes | None) -> Mapping[str, tuple[str, ...]] | None:
    """Return the versions a lock names for each distribution; raises Refused for one that is not acceptable."""
    if lock is None:
        return None
    found: dict[str, set[str]] = {}
    for package in read_lock(lock).packages:
        found.setdefault(str(package.name), set()).add(str(package.version))
    return {name: tuple(sorted(versions)) for name, versions in sorted(found.items())}


def symbols_of(data: bytes | None) -> frozenset[str] | None:
    """Return what of the SDK a list of API usage names; ``None`` for no list, or one that cannot be read."""
    if data is None:
        return None
    try:
        return from_json(data).names
    except ValueError:
        return None
