"""What a plugin gets: declared ∩ policy ∩ the ceiling of its category, for permissions and for limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from theodore_loader.permissions import Permission
from theodore_loader.policy.evaluate import Judgement, judge, judge_by
from theodore_loader.policy.model import PermissionRules, Policy
from theodore_sdk.info import PluginCategory, PluginPermission, PluginResourceLimits


@dataclass(frozen=True, slots=True)
class Grants:
    """The permissions to enforce, and the judgements on what was declared and is not granted in full."""

    permissions: tuple[Permission, ...]
    refused: tuple[Judgement, ...]


def grants(declared: Sequence[PluginPermission], policy: Policy, category: PluginCategory | None = None) -> Grants:
    """Return what the policy grants of the declared permissions: each in full, in part, or not at all.

    A declaration allowed only in part appears in both lists: its allowed pieces are granted, the whole is refused.
    Whether a refusal matters is the caller's decision (``PluginPermission.required``).
    """
    judgements = [judge(Permission(one.type, one.pattern), policy, category) for one in declared]
    granted = {piece for judgement in judgements for piece in _granted(judgement, policy, category)}
    return Grants(tuple(sorted(granted)), tuple(one for one in judgements if not one.allowed))


def _granted(judgement: Judgement, policy: Policy, category: PluginCategory | None) -> Iterator[Permission]:
    """Yield the pieces that are allowed: first what the policy leaves, and of that what the ceiling leaves.

    In this order a ceiling only takes away, as whatever it leaves was granted without it.
    """
    kind = judgement.permission.type
    if judgement.allowed:
        yield judgement.permission
        return
    ceiling = policy.ceiling(category).permissions.get(kind)
    for piece in _allowed_pieces(judgement.permission, policy.rules_for(kind), policy.name):
        if ceiling is None:
            yield piece
        else:
            yield from _allowed_pieces(piece, ceiling, policy.name)


def _allowed_pieces(permission: Permission, rules: PermissionRules, name: str) -> Iterator[Permission]:
    """Yield the permission itself if these rules allow it, else what it has in common with each allow entry."""
    if judge_by(permission, rules, name).allowed:
        yield permission
        return
    for entry in rules.allow:
        for piece in entry.permission.intersection(permission):
            if judge_by(piece, rules, name).allowed:
                yield piece


def capped(
    limits: PluginResourceLimits, policy: Policy, category: PluginCategory | None = None
) -> PluginResourceLimits:
    """Return the declared limits, none above the policy's, nor above those of the plugin's category."""
    ceiling = policy.ceiling(category).limits
    capped = {}
    for field in fields(PluginResourceLimits):
        asked, most = getattr(limits, field.name), getattr(policy.limits, field.name)
        capped[field.name] = min(asked, most, ceiling.get(field.name, most))
    return PluginResourceLimits(**capped)
