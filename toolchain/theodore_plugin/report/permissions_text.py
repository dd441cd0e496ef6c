"""Permissions for people: what the source was seen to need, through which calls, beside what it declares."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from theodore_plugin.report.model import InferredPermission, PermissionTable
from theodore_plugin.report.visible import visible


def permission_lines(table: PermissionTable) -> Iterator[Text]:
    """Yield both sides, inferred ones with the chain from the plugin's hook down to the call."""
    yield Text("inferred from the source", "bold")
    if not table.inferred:
        yield Text("  nothing")
    for found in table.inferred:
        yield from _inferred(found)
    yield Text()
    yield Text("declared by the plugin", "bold")
    if not table.declared:
        yield Text("  nothing")
    for permission in table.declared:
        reason = visible(permission.description)
        yield Text.assemble("  ", (visible(f"{permission.type} {permission.pattern}"), "bold"), f"  {reason}")


def _inferred(found: InferredPermission) -> Iterator[Text]:
    access = f"{found.type}:{found.access}" if found.access else found.type
    target = found.target if found.target is not None else "*"
    yield Text.assemble("  ", (visible(f"{access} {target}"), "bold"), (f"  ({visible(found.confidence)})", "dim"))
    for depth, step in enumerate(found.chain):
        arm = "    " + "   " * depth + ("└─ " if depth else "")
        yield Text.assemble((arm, "cyan"), visible(step.label), (f"  {visible(str(step.location))}", "dim"))
