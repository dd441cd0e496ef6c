"""The judgement of one permission. Pure, and independent of the order of entries: deny beats allow.

1 a deny entry that overlaps refuses, 2 an allow entry that names it allows, 3 an allowed ``*`` allows what is not
over-broad, 4 everything else is refused; 5 what the policy allows, the ceiling of the plugin's category has to allow
in the same way, if it names the type.
"""

from __future__ import annotations

from dataclasses import dataclass

from theodore_loader.permissions import Permission
from theodore_loader.policy.model import Entry, PermissionRules, Policy
from theodore_sdk.info import PluginCategory


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a policy says to one permission, why, and by which line (``default.yaml:12``)."""

    permission: Permission
    allowed: bool
    reason: str
    location: str


def judge(permission: Permission, policy: Policy, category: PluginCategory | None = None) -> Judgement:
    """Decide on one permission of a plugin as a whole; never partly."""
    own = judge_by(permission, policy.rules_for(permission.type), policy.name)
    ceiling = policy.ceiling(category).permissions.get(permission.type)
    if ceiling is None or not own.allowed:
        return own
    above = judge_by(permission, ceiling, policy.name)  # 5
    if above.allowed:
        return above
    return Judgement(permission, False, f"{above.reason} for a plugin of category {category}", above.location)


def judge_by(permission: Permission, rules: PermissionRules, name: str) -> Judgement:
    """Decide by one set of rules; ``name`` stands in where no line decides."""
    denied = next((entry for entry in rules.deny if entry.permission.overlaps(permission)), None)  # 1
    if denied is not None:
        return Judgement(permission, False, _denial(permission, denied), denied.location)
    covering = [entry for entry in rules.allow if entry.permission.covers(permission)]
    named = next((entry for entry in covering if entry.permission.pattern != "*"), None)  # 2
    if named is not None:
        return Judgement(permission, True, named.reason, named.location)
    if not covering:  # 4
        return Judgement(permission, False, _uncovered(permission, rules), rules.location or name)
    if rules.refuse_overbroad and permission.overbroad:  # 3
        reason = f"over-broad: {permission.overbroad}; name what the plugin needs"
        return Judgement(permission, False, reason, rules.location or covering[0].location)
    return Judgement(permission, True, covering[0].reason, covering[0].location)


def _denial(permission: Permission, entry: Entry) -> str:
    why = f": {entry.reason}" if entry.reason else ""
    if entry.permission.covers(permission):
        return f"{entry.permission} is denied{why}"
    return f"it includes {entry.permission}, which is denied{why}; leave that out"


def _uncovered(permission: Permission, rules: PermissionRules) -> str:
    if not rules.allow:
        return f"no {permission.type.value} permission is allowed"
    return "no allow entry covers it; allowed are " + ", ".join(entry.permission.pattern for entry in rules.allow)
