"""SLSA provenance: from which commit a wheel was built, how, and by whom.

Source: SLSA provenance v1 (https://slsa.dev/spec/v1.0/provenance). Any build type is read; what
``externalParameters`` and ``internalParameters`` mean is known for one, ``urn:theodore:package:1``, and read strictly
there. A field that is unknown, missing or of another type makes the statement invalid. The published schema is
``policies/schemas/provenance.schema.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from theodore_loader.trust.statements import Camel, Descriptor, Statement, StatementInvalid, converted, zoned

PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:theodore:package:1"
"""``theodore-plugin package``: built from a clean copy, in isolation, and normalised."""
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""A git commit, SHA-1 or SHA-256."""


class GitCommit(Camel, frozen=True):
    """A commit, in the spelling of in-toto digest sets."""

    git_commit: str


class Source(Camel, frozen=True):
    """The tree a wheel was built from, as far as that is known.

    ``digest`` is the commit of a clean tree. A tree with changes has none: ``dirty`` names the commit it was changed
    from, in a place where no reader takes it for what was built.
    """

    uri: str | msgspec.UnsetType = msgspec.UNSET
    digest: GitCommit | msgspec.UnsetType = msgspec.UNSET
    dirty: GitCommit | msgspec.UnsetType = msgspec.UNSET


class ExternalParameters(Camel, frozen=True):
    """What the one who packaged chose: the source, and the moment the build was told (seconds since 1970)."""

    source: Source
    source_date_epoch: int


class InternalParameters(Camel, frozen=True):
    """What followed from the source and the machine: the build backend, and the Python it ran on."""

    backend: str
    python: str


class BuildDefinition(Camel, frozen=True):
    """What was built, from what."""

    build_type: str
    external_parameters: dict[str, Any]
    internal_parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    resolved_dependencies: list[Descriptor] = msgspec.field(default_factory=list)


class Builder(Camel, frozen=True):
    """Who built: whoever signed, where this program made the statement."""

    id: str
    version: dict[str, str] = msgspec.field(default_factory=dict)
    builder_dependencies: list[Descriptor] = msgspec.field(default_factory=list)


class BuildMetadata(Camel, frozen=True):
    """When the build ran, and its name."""

    invocation_id: str | msgspec.UnsetType = msgspec.UNSET
    started_on: datetime | msgspec.UnsetType = msgspec.UNSET
    finished_on: datetime | msgspec.UnsetType = msgspec.UNSET


class RunDetails(Camel, frozen=True):
    """The run of the build."""

    builder: Builder
    metadata: BuildMetadata = BuildMetadata()
    byproducts: list[Descriptor] = msgspec.field(default_factory=list)


class Provenance(Camel, frozen=True):
    """The predicate."""

    build_definition: BuildDefinition
    run_details: RunDetails


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a provenance says its wheel comes from: a repository and, if the tree was clean, its commit."""

    repository: str | None
    commit: str | None
    dirty: bool = False

    def __str__(self) -> str:
        if self.dirty:
            at = " with changes that are in no commit"
        else:
            at = f" at commit {self.commit}" if self.commit else ", no commit named"
        return f"{self.repository or 'a repository that is not named'}{at}"


def read_provenance(statement: Statement) -> Provenance:
    """Read a provenance statement; raises :class:`StatementInvalid`."""
    provenance = converted(statement.predicate, Provenance)
    metadata = provenance.run_details.metadata
    zoned("startedOn", metadata.started_on)
    zoned("finishedOn", metadata.finished_on)
    if provenance.build_definition.build_type == BUILD_TYPE:
        _own_parameters(provenance)
    return provenance


def origins(provenance: Provenance) -> tuple[Origin, ...]:
    """Return every source the provenance names.

    Other builders name it as SLSA suggests: a resolved dependency with a commit for a digest.
    """
    if provenance.build_definition.build_type == BUILD_TYPE:
        source = _own_parameters(provenance).source
        return (Origin(source.uri or None, _commit(source.digest), source.dirty is not msgspec.UNSET),)
    return tuple(_named(provenance.build_definition.resolved_dependencies))


def _own_parameters(provenance: Provenance) -> ExternalParameters:
    definition = provenance.build_definition
    external = converted(definition.external_parameters, ExternalParameters, "externalParameters")
    converted(definition.internal_parameters, InternalParameters, "internalParameters")
    source = external.source
    if source.digest is not msgspec.UNSET and source.dirty is not msgspec.UNSET:
        raise StatementInvalid("externalParameters.source is both a commit and changed from one")
    for commit in (_commit(source.digest), _commit(source.dirty)):
        if commit is not None and not COMMIT.fullmatch(commit):
            raise StatementInvalid("externalParameters.source names a gitCommit that is none")
    return external


def _named(dependencies: list[Descriptor]) -> Iterator[Origin]:
    for dependency in dependencies:
        commit = dependency.digest.get("gitCommit") or dependency.digest.get("sha1") if dependency.digest else None
        if commit and COMMIT.fullmatch(commit):
            yield Origin(dependency.uri or None, commit)


def _commit(digest: GitCommit | msgspec.UnsetType) -> str | None:
    return None if digest is msgspec.UNSET else digest.git_commit
