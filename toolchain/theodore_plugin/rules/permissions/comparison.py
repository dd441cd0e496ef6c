"""Declared against inferred: the questions several rules of this group ask."""

from __future__ import annotations

import json
from collections.abc import Iterable

from theodore_loader.permissions import PatternError, Permission
from theodore_plugin.finding import Location
from theodore_plugin.inference.model import InferredPermission
from theodore_plugin.rules.context import RuleContext
from theodore_sdk.info import PermissionType, PluginPermission

UNREACHED_NOTE = " (in code that nothing in the plugin calls)"


def readable(declared: Iterable[PluginPermission]) -> tuple[Permission, ...]:
    """Parse declared patterns; those outside the grammar are manifest-invalid's to report and cover nothing."""
    found = []
    for item in declared:
        try:
            found.append(Permission.parse(item.type, item.pattern))
        except PatternError:
            continue
    return tuple(found)


def wanted(item: InferredPermission) -> Permission | None:
    """Return the inferred permission in the grammar of declarations, ``None`` without a target."""
    return None if item.target is None else Permission.parse(item.permission, item.target)


def of_kind(declared: Iterable[Permission], item: InferredPermission) -> tuple[Permission, ...]:
    """Return declarations about the same thing: writing needs one that writes, listening one that listens."""
    same = [permission for permission in declared if permission.type is item.permission]
    if item.permission is PermissionType.FILE_SYSTEM and item.access == "write":
        same = [permission for permission in same if permission.writes]
    if item.permission is PermissionType.NETWORK:
        listens = item.access == "listen"
        same = [one for one in same if one.pattern == "*" or one.pattern.startswith("listen:") is listens]
    return tuple(same)


def covered(declared: Iterable[Permission], item: InferredPermission) -> bool:
    """Whether some declaration covers the inferred target; without a target, whether any speaks about it."""
    kind, target = of_kind(declared, item), wanted(item)
    return any(target is None or permission.covers(target) for permission in kind)


REASON = "why the plugin needs it"
"""Stands where the author has to write a sentence; permission-reason-missing insists on it."""


def line_to_add(item: InferredPermission) -> str:
    """Write the declaration that covers ``item``; a target that is not known stands in capitals, to be filled in."""
    return declaration(item.permission, item.target or _placeholder(item))


def declaration(kind: PermissionType, pattern: str, reason: str = REASON) -> str:
    """Write a declaration as it stands in a plugin's metadata."""
    return f"PluginPermission(PermissionType.{kind.name}, {_quoted(reason)}, pattern={_quoted(pattern)})"


def _quoted(text: str) -> str:
    """Write a string literal; what JSON escapes, Python reads the same way."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _placeholder(item: InferredPermission) -> str:
    """Show the shape of the pattern to fill in, for a target that is not known. It is a pattern itself."""
    access = "r" if item.access == "read" else "rw"
    if item.permission is PermissionType.NETWORK and item.access == "listen":
        return "listen:*"
    return {
        PermissionType.NETWORK: "HOST:443",
        PermissionType.FILE_SYSTEM: f"{access}:{{data}}/**",
        PermissionType.SUBPROCESS: "PROGRAM",
        PermissionType.ENVIRONMENT: "VARIABLE",
        PermissionType.REGISTRY: "SERVICE",
    }.get(item.permission, "*")


def describe(item: InferredPermission) -> str:
    """Name what is inferred: ``network connect api.example.com:443``."""
    return " ".join(part for part in (item.permission.value, item.access, item.target or "") if part)


def written(context: RuleContext, location: Location) -> str:
    """Return what stands at a location, on one line."""
    data = next((file.data for file in context.project.files if file.path == location.path), b"")
    lines = data.decode("utf-8-sig", "replace").splitlines()[location.line - 1 : location.end_line]
    if lines and location.end_line and location.end_column:
        lines[-1] = lines[-1][: location.end_column - 1]
        lines[0] = lines[0][location.column - 1 :]
    return " ".join(line.strip() for line in lines)


def has_unmodelled(context: RuleContext) -> bool:
    """Whether the plugin uses libraries of which nothing is known."""
    return any(item.reason.endswith("is not in the capability map") for item in context.inference.unknown)
