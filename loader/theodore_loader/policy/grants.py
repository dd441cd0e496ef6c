"""What a plugin gets: declared ∩ policy, for permissions and for limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from theodore_loader.permissions import Permission
from theodore_loader.policy.evaluate import Judgement, judge
from theodore_loader.policy.model import Policy
from theodore_sdk.info import PluginPermission, PluginResourceLimits


@dataclass(frozen=True, slots=True)
class Grants:
    """The permissions to enforce, and the judgements on what was declared and is not granted in full."""

    permissions: tuple[Permission, ...]
    refused: tuple[Judgement, ...]


def grants(declared: Sequence[PluginPermission], policy: Policy) -> Grants:
    """Return what the policy grants of the declared permissions: each in full, in part, or not at all.

    A declaration allowed only in part appears in both lists: its allowed pieces are granted, the whole is refused.
    Whether a refusal matters is the caller's decision (``PluginPermission.required``).
    """
    judgements = [judge(Permission(one.type, one.pattern), policy) for one in declared]
    granted = {piece for judgement in judgements for piece in _granted(judgement, policy)}
    return Grants(tuple(sorted(granted)), tuple(one for one in judgements if not one.allowed))


def _granted(judgement: Judgement, policy: Policy) -> Iterator[Permission]:
    if judgement.allowed:
        yield judgement.permission
        return
    for entry in policy.rules_for(judgement.permission.type).allow:
        for piece in entry.permission.intersection(judgement.permission):
            if judge(piece, policy).allowed:
                yield piece


def capped(limits: PluginResourceLimits, policy: Policy) -> PluginResourceLimits:
    """Return the declared limits, none above the policy's."""
    names = [field.name for field in fields(PluginResourceLimits)]
    return PluginResourceLimits(**{name: min(getattr(limits, name), getattr(policy.limits, name)) for name in names})
