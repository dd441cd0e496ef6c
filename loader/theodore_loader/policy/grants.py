"""What a plugin gets: declared ∩ policy ∩ the ceiling of its category, for permissions and for limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from theodore_loader.permissions import Permission
from theodore_loader.policy.evaluate import Judgement, judge
from theodore_loader.policy.model import Policy
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
    if judgement.allowed:
        yield judgement.permission
        return
    for piece in _pieces(judgement.permission, policy, category):
        if judge(piece, policy, category).allowed:
            yield piece


def _pieces(permission: Permission, policy: Policy, category: PluginCategory | None) -> Iterator[Permission]:
    """Yield what the permission has in common with each allow entry, and with the ceiling's where there is one."""
    ceiling = policy.ceiling(category).permissions.get(permission.type)
    for entry in policy.rules_for(permission.type).allow:
        for piece in entry.permission.intersection(permission):
            yield piece
            for upper in ceiling.allow if ceiling else ():
                yield from upper.permission.intersection(piece)


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
