"""Declared and inferred permissions of an analysis, as the report shows them."""

from __future__ import annotations

from theodore_plugin.analysis import StaticAnalysis
from theodore_plugin.report.model import DeclaredPermission, InferredPermission, PermissionTable


def permission_table(analysis: StaticAnalysis | None) -> PermissionTable:
    """Return both sides; an analysis that failed has neither."""
    if analysis is None:
        return PermissionTable()
    info = analysis.metadata.info
    declared = [DeclaredPermission(p.type.value, p.pattern, p.description) for p in info.permissions] if info else []
    inferred = [
        InferredPermission(
            found.permission.value,
            found.access,
            found.target,
            found.confidence.value,
            found.chain,
            found.through,
            found.within,
            found.phase.value,
            ambient=bool(found.within) and not found.acts,
        )
        for found in analysis.inference.permissions
    ]
    return PermissionTable(tuple(declared), tuple(inferred))
