"""Step 9 of a verification, on request: the wheel against its source, and the commit its provenance names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from theodore_loader.errors import Refused
from theodore_loader.trust.origin import refuse_other_commit
from theodore_loader.trust.provenance import BUILD_TYPE, Provenance
from theodore_loader.trust.steps import NotVerified, VerifiedStep
from theodore_loader.trust.verify import Verified
from theodore_plugin.packaging.facts import BuildRequirement
from theodore_plugin.packaging.git_tree import GitTree, read_git, tree_at
from theodore_plugin.packaging.source_match import SourceMatch, match
from theodore_plugin.packaging.sources import parse_source

NUMBER = 9
_PYPI = "pkg:pypi/"


def check_source(verified: Verified, text: str) -> VerifiedStep:
    """Hold a verified wheel against the source ``text`` names: a folder, a git ref, or ``FOLDER@REF``.

    It is built again with the very requirements its provenance states. Raises NotVerified
    (``provenance-source-mismatch``, ``source-artifact-mismatch``), ConfigurationProblem if there is no such source.
    """
    source = parse_source(text)
    tree = read_git(source) if isinstance(source, Path) else tree_at(source.folder, source.ref)
    stated = [one.predicate for one in verified.attestations if isinstance(one.predicate, Provenance)]
    try:
        if tree is not None and tree.changed is None:
            refuse_other_commit(verified.attestations, tree.commit)
        found = match(verified.wheel, source, requirements=[one for each in stated for one in _requirements(each)])
        found.refuse()
    except Refused as refusal:
        raise NotVerified(refusal, NUMBER, verified.steps) from refusal
    return VerifiedStep(NUMBER, "source", _said(found, tree, text))


def _requirements(provenance: Provenance) -> Iterator[BuildRequirement]:
    """Yield what our own kind of build was made with, where a hash was stated."""
    if provenance.build_definition.build_type != BUILD_TYPE:
        return
    for one in provenance.build_definition.resolved_dependencies:
        name, _, version = (one.uri or "").removeprefix(_PYPI).partition("@")
        digest = (one.digest or {}).get("sha256")
        if (one.uri or "").startswith(_PYPI) and version and digest:
            yield BuildRequirement(unquote(name), unquote(version), digest, one.name or "")


def _said(found: SourceMatch, tree: GitTree | None, text: str) -> str:
    clean = tree is not None and tree.changed is None
    place = f"{text} (commit {tree.commit})" if tree is not None and clean else text
    if found.kind == "rebuilt":
        return f"built again from {place}: byte for byte this wheel"
    return f"compared with {place}, file by file: no difference; not rebuilt: {found.why_compared}"
