"""A difference for programs: JSON of version 1, described by ``policies/schemas/difference.schema.json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theodore_plugin import __version__
from theodore_plugin.difference.model import Difference, Files, Named, PermissionChange
from theodore_plugin.difference.side import Side, Source

SCHEMA_VERSION = 1


def difference_dict(found: Difference) -> dict[str, Any]:
    """Return a difference as plain values, in the order of the schema; nothing is left out for room."""
    return {
        "schema": SCHEMA_VERSION,
        "tool": {"name": "theodore-plugin", "version": __version__},
        "old": _side(found.old),
        "new": _side(found.new),
        "complete": found.complete,
        "needs_consent": bool(found.increases),
        "reasons": [
            {"kind": increase.kind.value, "rule": increase.kind.rule, "message": increase.text}
            for increase in found.increases
        ],
        "permissions": [_permission(change) for change in found.permissions],
        "inferred": _named(found.inferred),
        "native": _named(found.native),
        "dependencies": _named(found.dependencies),
        "about": _named(found.about),
        "symbols": _named(found.symbols),
        "files": _files(found.files) if found.files else None,
        "not_compared": list(found.unknown),
    }


def _side(side: Side) -> dict[str, Any]:
    publisher = side.terms.publisher
    return {
        "name": side.name,
        "version": side.version,
        "source": side.source.value,
        "label": side.label,
        "sha256": None if side.source is Source.TREE else side.terms.sha256,
        "signing": side.signing.value,
        "signer": None
        if publisher is None
        else {
            "root": publisher.root,
            "root_sha256": publisher.root_sha256,
            "issuer": publisher.issuer,
            "identity": publisher.identity,
            "claims": dict(publisher.claims),
        },
        "category": side.terms.category.value,
        "permissions": list(side.terms.permissions),
    }


def _permission(change: PermissionChange) -> dict[str, Any]:
    return {
        "change": change.change.value,
        "permission": str(change.permission),
        "reason": change.reason,
        "before": [str(permission) for permission in change.before],
    }


def _named(changes: Sequence[Named]) -> list[dict[str, str]]:
    return [{"change": one.change.value, "name": one.name, "old": one.old, "new": one.new} for one in changes]


def _files(files: Files) -> dict[str, Any]:
    return {
        "added": list(files.added),
        "removed": list(files.removed),
        "changed": list(files.changed),
        "old_size": files.old_size,
        "new_size": files.new_size,
        "only_python": files.only_python,
    }
