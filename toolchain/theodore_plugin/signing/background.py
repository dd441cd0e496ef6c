"""What is known of a wheel's build and source: what ``package`` noted, and what comparing with the source shows.

Without either nothing is claimed. With ``--source`` the wheel is built again; only if that gives the very same bytes
is it known how the wheel is built, and the rebuild becomes the provenance.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.trust.statements import SourceResult
from theodore_plugin import __version__
from theodore_plugin.packaging.build_record import BuildRecord, find_record
from theodore_plugin.packaging.git_tree import GitTree, read_git, tree_at
from theodore_plugin.packaging.source_match import SourceMatch, match
from theodore_plugin.packaging.sources import Source, parse_source
from theodore_plugin.signing.evidence import Background


def noted(path: Path, wheel: Wheel, started: datetime) -> Background:
    """Return what ``package`` noted beside the wheel at ``path``; raises ConfigurationProblem for a damaged note."""
    known = find_record(path, wheel.sha256)
    record = known.record
    result = SourceResult("built", _clean(record.tree), record.reproducible) if record else None
    return Background(started, record, result, known.lack)


def compared(background: Background, wheel: Wheel, source: str) -> Background:
    """Hold the wheel against ``source``: a folder, a git ref, or both as ``FOLDER@REF``.

    Raises Refused (``source-artifact-mismatch``) if it is not made from there, ConfigurationProblem for no source.
    """
    place, began = parse_source(source), datetime.now(UTC)
    record = background.build
    found = match(wheel, place, requirements=record.facts.requirements if record else ())
    found.refuse()
    tree = _tree(place)
    rebuilt = _rebuilt(wheel, found, tree, began)
    kind: Literal["rebuilt", "compared"] = "rebuilt" if found.kind == "rebuilt" else "compared"
    result = SourceResult(kind, _clean(tree), record.reproducible if record else None)
    return dataclasses.replace(background, build=record or rebuilt, source=result)


def _rebuilt(wheel: Wheel, found: SourceMatch, tree: GitTree | None, began: datetime) -> BuildRecord | None:
    """Take the rebuild for the build: it made these very bytes."""
    if found.kind != "rebuilt" or found.build is None:
        return None
    return BuildRecord(wheel.sha256, tree, found.build, began, datetime.now(UTC), __version__)


def _tree(source: Source) -> GitTree | None:
    return read_git(source) if isinstance(source, Path) else tree_at(source.folder, source.ref)


def _clean(tree: GitTree | None) -> str | None:
    return tree.commit if tree is not None and tree.changed is None else None
