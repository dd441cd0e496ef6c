"""From the record of a build to the provenance that is signed: what is known, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from theodore_loader.trust.provenance import (
    BUILD_TYPE,
    BuildDefinition,
    Builder,
    BuildMetadata,
    ExternalParameters,
    GitCommit,
    InternalParameters,
    Provenance,
    RunDetails,
    Source,
)
from theodore_loader.trust.statements import Descriptor, resource_uri
from theodore_plugin.packaging.build_record import BuildRecord
from theodore_plugin.packaging.git_tree import GitTree


def provenance_of(record: BuildRecord, builder: str) -> Provenance:
    """Return the provenance of a recorded build; ``builder`` is the id of whoever signs, who answers for it."""
    facts = record.facts
    source = _source(record.tree)
    definition = BuildDefinition(
        build_type=BUILD_TYPE,
        external_parameters=msgspec.to_builtins(ExternalParameters(source, facts.epoch)),
        internal_parameters=msgspec.to_builtins(InternalParameters(facts.backend, facts.python)),
        resolved_dependencies=list(_dependencies(record)),
    )
    metadata = BuildMetadata(started_on=_seconds(record.started), finished_on=_seconds(record.finished))
    return Provenance(definition, RunDetails(Builder(builder, {"theodore-plugin": record.tool}), metadata))


def _source(tree: GitTree | None) -> Source:
    """Name the commit as what was built only if the tree was exactly that."""
    if tree is None:
        return Source()
    uri = f"git+{tree.repository}" if tree.repository else msgspec.UNSET
    commit = GitCommit(tree.commit)
    return Source(uri, digest=commit) if tree.changed is None else Source(uri, dirty=commit)


def _dependencies(record: BuildRecord) -> Iterator[Descriptor]:
    tree = record.tree
    if tree is not None and tree.changed is None:
        uri = f"git+{tree.repository}@{tree.commit}" if tree.repository else msgspec.UNSET
        yield Descriptor(uri=uri, digest={"gitCommit": tree.commit})
    for one in record.facts.requirements:
        yield Descriptor(uri=resource_uri(one.name, one.version), digest={"sha256": one.sha256}, name=one.filename)


def _seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
