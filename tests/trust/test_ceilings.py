"""What a host grants is cut by the ceiling of the plugin's category, and required permissions above it are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from theodore_loader.errors import Refused
from theodore_loader.permissions import Permission
from theodore_loader.policy.model import Ceiling, Entry, PermissionRules
from theodore_sdk.info import PermissionType


def held_to(bench, *patterns: str, category=None):
    """Return the bench's policy with a ceiling on the network of one category, by default the plugin's."""
    allowed = tuple(Entry(Permission.parse("network", one), "", "acme.yaml:9") for one in patterns)
    ceiling = Ceiling({PermissionType.NETWORK: PermissionRules(allowed, location="acme.yaml:8")})
    return replace(bench.policy, categories={category or bench.wheel.manifest.info.category: ceiling})


def test_a_ceiling_refuses_what_the_plugin_needs(bench) -> None:
    declared = bench.wheel.manifest.info.permissions
    assert any(one.type is PermissionType.NETWORK and one.required for one in declared)
    with pytest.raises(Refused) as refusal:
        bench.verify(policy=held_to(bench, "elsewhere.example"))
    assert refusal.value.rule == "policy-denied"
    assert f"for a plugin of category {bench.wheel.manifest.info.category}" in refusal.value.message
    assert "acme.yaml:8" in (refusal.value.help or "")


def test_a_ceiling_that_allows_it_changes_nothing(bench) -> None:
    free, held = bench.verify(), bench.verify(policy=held_to(bench, "*"))
    assert held.grants == free.grants


def test_ceilings_of_other_categories_do_not_hold_it(bench) -> None:
    mine = bench.wheel.manifest.info.category
    other = next(category for category in type(mine) if category is not mine)
    assert bench.verify(policy=held_to(bench, category=other)).grants == bench.verify().grants
