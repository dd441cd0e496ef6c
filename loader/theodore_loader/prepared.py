"""What a host has when a plugin was verified, what it asked for, and what it says of one that it only judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.errors import LoaderError
from theodore_loader.installed import InstalledPlugin
from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.trust.decisions import RecordedPurpose
from theodore_loader.trust.grounds import Grounds
from theodore_loader.trust.signatures import Signer
from theodore_loader.trust.terms import Terms
from theodore_sdk.info import PluginInfo


@dataclass(frozen=True, slots=True)
class Signatures:
    """What is needed to verify stored bytes again: their digest, and what lay beside them."""

    sha256: str
    filename: str
    bundle: bytes | None
    attestations: bytes | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A verified plugin with everything on disk that its worker imports.

    ``publisher`` is ``None`` for a wheel the trust file accepts unsigned, by its exact digest.
    """

    manifest: Manifest
    grants: tuple[Permission, ...]
    roots: tuple[Path, ...]
    verification: tuple[str, ...]
    publisher: Signer | None
    signatures: Signatures
    terms: Terms
    marks: tuple[str, ...] = ()
    """What sets it apart: ``yanked``, or that there is a warning about it."""
    warnings: tuple[str, ...] = ()
    """The same in sentences."""
    stamp: object = None
    """What :meth:`Preparation.stamp` was just before it was verified."""
    agreed: bool = False
    """Whether exactly this wheel was installed here, on these terms."""

    @property
    def info(self) -> PluginInfo:
        """The metadata of the manifest."""
        return self.manifest.info


Demand = Callable[[Prepared], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a plugin is prepared for.

    ``demand`` refuses, by raising, what is not acceptable besides; ``grounds`` are what to decide by, read now if not
    given; ``name`` is the plugin the wheel has to be of.
    """

    purpose: RecordedPurpose = "load"
    demand: Demand | None = None
    grounds: Grounds | None = None
    name: str | None = None


TO_LOAD = Wanted()


@dataclass(frozen=True, slots=True)
class Judged:
    """An installed plugin as the host would load it now, or why it would not."""

    plugin: InstalledPlugin
    prepared: Prepared | None
    problem: LoaderError | OSError | None = None
