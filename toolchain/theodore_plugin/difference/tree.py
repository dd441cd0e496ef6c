"""A source tree as one of the sides: read like ``check`` reads it, described like the wheel it would become."""

from __future__ import annotations

from pathlib import Path

from theodore_loader.artifact.contents import is_machine_code
from theodore_loader.trust.terms import Terms, asked_permissions, machine_code, makes_code
from theodore_plugin.difference.code import manifest_of, seen_in
from theodore_plugin.difference.find import Where
from theodore_plugin.difference.side import Content, File, Side, Signing, Source, asked_of, locked
from theodore_plugin.project import PluginProject

_NO_DIGEST = "0" * 64


def of_tree(path: Path, where: Where) -> Side:
    """Read a source tree; raises as :func:`theodore_plugin.difference.find.find`."""
    project = PluginProject.open(path)
    manifest = manifest_of(project)
    seen = seen_in(path) if where.code else None
    info = manifest.info
    terms = Terms(
        version=info.version,
        sha256=_NO_DIGEST,
        publisher=None,
        category=info.category,
        permissions=asked_permissions(info),
        native=machine_code(_native(project)),
        dynamic_code=makes_code(info, seen.own if seen else ()),
        levels=(),
        sandbox="none",
        minimum_tier=where.policy.minimum_tier,
    )
    content = Content(
        interfaces=tuple(sorted(info.interfaces)),
        limits=info.resource_limits,
        entry_point=manifest.entry_point,
        dependencies=locked(project.lock),
        files=_tree_files(project),
        only_python=True,
    )
    return Side(
        source=Source.TREE,
        label=project.label,
        name=info.name,
        terms=terms,
        asked=asked_of(info),
        signing=Signing.UNSIGNED,
        signed_by="a source tree, not signed",
        content=content,
        inferred=seen.inferred if seen else None,
        incomplete=seen.incomplete if seen else (),
    )


def _native(project: PluginProject) -> list[str]:
    return [_placed(path, project) for path, head in project.heads.items() if is_machine_code(head)]


def _tree_files(project: PluginProject) -> dict[str, File]:
    return {_placed(file.path, project): File(len(file.data), file.digest) for file in project.files}


def _placed(path: str, project: PluginProject) -> str:
    """Return where a file of a tree would lie on the import path: below ``src`` or the like nothing is imported."""
    for root in project.package_roots:
        above, slash, _ = root.rpartition("/")
        if slash and path.startswith(f"{above}/"):
            return path.removeprefix(f"{above}/")
    return path
