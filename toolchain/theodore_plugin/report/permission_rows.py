"""Declared and inferred permissions side by side: what is asked, what shows it, who holds it to that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from theodore_loader.permissions import PatternError, Permission
from theodore_plugin.inference import model as inference
from theodore_plugin.report.enforcement import Enforcement, enforcement
from theodore_plugin.report.model import DeclaredPermission, InferredPermission, PermissionTable
from theodore_plugin.rules.permissions.comparison import covered
from theodore_sdk.info import PermissionType


class Standing(StrEnum):
    """How declaration and source agree."""

    USED = "declared and used"
    UNUSED = "declared, no use seen"
    UNDECLARED = "used, not declared"
    AMBIENT = "looked up by a library for itself"


@dataclass(frozen=True, slots=True)
class PermissionRow:
    """One line of the comparison: a declaration with its uses, or uses without a declaration."""

    standing: Standing
    type: str
    pattern: str | None
    """As declared, else as inferred; ``None`` where nothing is known of the target."""
    reason: str
    uses: tuple[InferredPermission, ...]
    enforced_by: tuple[Enforcement, ...] = ()
    """Empty where nothing was asked for, so that nothing can be granted."""


def permission_rows(table: PermissionTable) -> tuple[PermissionRow, ...]:
    """Return the declarations in their order, then what was inferred beside them, undeclared before ambient."""
    left = dict.fromkeys(table.inferred)
    declared = []
    for item in table.declared:
        uses = tuple(use for use in table.inferred if _covers(item, use))
        for use in uses:
            left.pop(use, None)
        standing = Standing.USED if uses else Standing.UNUSED
        declared.append(
            PermissionRow(
                standing, item.type, item.pattern, item.description, uses, enforcement(item.type, item.pattern)
            )
        )
    return (*declared, *_beside([use for use in left if not use.ambient]), *_beside([u for u in left if u.ambient]))


def _beside(uses: Sequence[InferredPermission]) -> Iterator[PermissionRow]:
    """Gather uses of the same thing into one row each."""
    gathered: dict[tuple[str, str], list[InferredPermission]] = {}
    for use in uses:
        gathered.setdefault((use.type, use.target or ""), []).append(use)
    for (kind, target), same in sorted(gathered.items()):
        standing = Standing.AMBIENT if same[0].ambient else Standing.UNDECLARED
        yield PermissionRow(standing, kind, target or None, "", tuple(same))


def _covers(declared: DeclaredPermission, use: InferredPermission) -> bool:
    try:
        asked = Permission.parse(declared.type, declared.pattern)
        return covered([asked], _as_inferred(use))
    except PatternError:
        return False


def _as_inferred(use: InferredPermission) -> inference.InferredPermission:
    return inference.InferredPermission(
        PermissionType(use.type),
        use.access,
        use.target,
        inference.Certainty(use.confidence),
        use.chain,
        inference.Phase(use.phase),
        use.chain[-1].label if use.chain else "",
    )
