"""Precedence: a denial never grants, order never matters, a grant was both declared and allowed."""

from __future__ import annotations

from dataclasses import astuple, replace
from random import Random

import strategies
from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.permissions import Permission
from theodore_loader.policy import Policy, capped, grants, judge
from theodore_loader.policy.model import Ceiling, PermissionRules
from theodore_sdk.info import PermissionType, PluginCategory, PluginPermission, PluginResourceLimits

cases = strategies.kinds.flatmap(
    lambda kind: st.tuples(
        strategies.policies_about(kind), strategies.permissions_of(kind), strategies.permissions_of(kind)
    )
)


def with_rules(policy: Policy, kind: PermissionType, rules: PermissionRules) -> Policy:
    return replace(policy, permissions={**policy.permissions, kind: rules})


def declared(one: Permission) -> list[PluginPermission]:
    return [PluginPermission(one.type, "because", one.pattern)]


@given(cases, st.data())
def test_adding_a_denial_never_allows_anything(
    case: tuple[Policy, Permission, Permission], data: st.DataObject
) -> None:
    policy, wanted, denied = case
    rules = policy.rules_for(wanted.type)
    template = data.draw(strategies.deny_entries)
    stricter = with_rules(policy, wanted.type, replace(rules, deny=(*rules.deny, replace(template, permission=denied))))
    assert judge(wanted, policy).allowed or not judge(wanted, stricter).allowed
    before, after = grants(declared(wanted), policy), grants(declared(wanted), stricter)
    assert all(any(old.covers(new) for old in before.permissions) for new in after.permissions)


@given(cases)
def test_nothing_that_overlaps_a_denial_is_allowed(case: tuple[Policy, Permission, Permission]) -> None:
    policy, wanted, _ = case
    granted = [*grants(declared(wanted), policy).permissions, *([wanted] if judge(wanted, policy).allowed else [])]
    for one in granted:
        assert not any(entry.permission.overlaps(one) for entry in policy.rules_for(one.type).deny)


@given(cases)
def test_removing_an_allow_entry_never_allows_anything(case: tuple[Policy, Permission, Permission]) -> None:
    policy, wanted, _ = case
    rules = policy.rules_for(wanted.type)
    poorer = with_rules(policy, wanted.type, replace(rules, allow=rules.allow[1:]))
    assert judge(wanted, policy).allowed or not judge(wanted, poorer).allowed


@given(cases, st.randoms())
def test_the_order_of_entries_never_matters(case: tuple[Policy, Permission, Permission], random: Random) -> None:
    policy, wanted, _ = case
    rules = policy.rules_for(wanted.type)
    allow, deny = list(rules.allow), list(rules.deny)
    random.shuffle(allow)
    random.shuffle(deny)
    shuffled = with_rules(policy, wanted.type, replace(rules, allow=tuple(allow), deny=tuple(deny)))
    assert judge(wanted, policy).allowed == judge(wanted, shuffled).allowed
    assert grants(declared(wanted), policy).permissions == grants(declared(wanted), shuffled).permissions
    assert policy.digest == shuffled.digest


@given(cases)
def test_a_grant_was_declared_and_allowed(case: tuple[Policy, Permission, Permission]) -> None:
    policy, wanted, _ = case
    result = grants(declared(wanted), policy)
    allowed = [entry.permission for entry in policy.rules_for(wanted.type).allow]
    for one in result.permissions:
        assert wanted.covers(one)
        assert any(entry.covers(one) for entry in allowed)
    assert bool(result.refused) != judge(wanted, policy).allowed


@given(cases)
def test_asking_for_less_is_never_refused_more(case: tuple[Policy, Permission, Permission]) -> None:
    policy, wanted, less = case
    if wanted.covers(less) and judge(wanted, policy).allowed:
        assert judge(less, policy).allowed


@given(strategies.limits, strategies.limits)
def test_no_limit_is_above_the_declared_or_the_policys(one: PluginResourceLimits, most: PluginResourceLimits) -> None:
    result = capped(one, Policy("generated", limits=most))
    triples = zip(astuple(result), astuple(one), astuple(most), strict=True)
    assert all(value == min(asked, cap) for value, asked, cap in triples)


SCRAPER = PluginCategory.SCRAPER
two_policies = strategies.kinds.flatmap(
    lambda kind: st.tuples(
        strategies.policies_about(kind), strategies.policies_about(kind), strategies.permissions_of(kind)
    )
)


def under_ceiling(policy: Policy, other: Policy, kind: PermissionType) -> Policy:
    return replace(policy, categories={SCRAPER: Ceiling({kind: other.rules_for(kind)})})


@given(two_policies)
def test_a_ceiling_allows_exactly_what_both_allow(case: tuple[Policy, Policy, Permission]) -> None:
    policy, other, wanted = case
    held = under_ceiling(policy, other, wanted.type)
    both = judge(wanted, policy).allowed and judge(wanted, other).allowed
    assert judge(wanted, held, SCRAPER).allowed == both
    assert judge(wanted, held).allowed == judge(wanted, policy).allowed
    assert judge(wanted, held, PluginCategory.STORAGE) == judge(wanted, policy)


@given(two_policies)
def test_a_ceiling_only_takes_grants_away(case: tuple[Policy, Policy, Permission]) -> None:
    policy, other, wanted = case
    held = grants(declared(wanted), under_ceiling(policy, other, wanted.type), SCRAPER)
    free = grants(declared(wanted), policy)
    for one in held.permissions:
        assert judge(one, policy).allowed
        assert judge(one, other).allowed
        assert any(more.covers(one) for more in free.permissions)


@given(strategies.limits, strategies.limits, strategies.limits)
def test_limits_are_below_policy_and_ceiling(
    one: PluginResourceLimits, most: PluginResourceLimits, ceiling: PluginResourceLimits
) -> None:
    lower = {name: getattr(ceiling, name) for name in PluginResourceLimits.__dataclass_fields__}
    policy = Policy("generated", limits=most, categories={SCRAPER: Ceiling(limits=lower)})
    columns = (capped(one, policy, SCRAPER), one, most, ceiling)
    for value, asked, cap, top in zip(*map(astuple, columns), strict=True):
        assert value == min(asked, cap, top)
    assert capped(one, policy) == capped(one, policy, PluginCategory.STORAGE)
