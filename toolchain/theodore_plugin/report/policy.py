"""A policy as text and as JSON, for ``theodore-plugin policy show``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from theodore_loader.policy import Policy
from theodore_loader.policy.model import Entry, PolicyException, RuleSetting
from theodore_plugin.report.visible import visible
from theodore_sdk.info import PermissionType


def json_lines(policy: Policy) -> Iterator[str]:
    """Yield the decisions and the digest over them as one JSON document."""
    document = {"digest": policy.digest, "decisions": policy.decisions()}
    yield from json.dumps(document, indent=2, ensure_ascii=True).splitlines()


def text_lines(policy: Policy) -> Iterator[str]:
    """Yield the effective policy line by line, each permission with the place it comes from."""
    yield f"policy        {policy.name}  sha256:{policy.digest}"
    if policy.description:
        yield f"              {visible(policy.description)}"
    yield from _permissions(policy)
    yield from _categories(policy)
    yield from _section("rules", _levels(policy.rules))
    for audience, rules in sorted(policy.audiences.items()):
        yield from _section(f"for {audience}", _levels(rules))
    yield from _section("scanners", [f"{name}: {_scanner(policy, name)}" for name in sorted(policy.scanners)])
    yield from _section("limits", [f"{name}: {value}" for name, value in asdict(policy.limits).items()])
    yield from _section("network limits", [f"{name}: {most:g}" for name, most in policy.network_limits.items()])
    yield from _section("may suppress", sorted(policy.suppressions))
    yield from _section("excepted", [line for one in policy.exceptions for line in _exception(one)])
    yield from _section(
        "forbidden", [f"{one.name}  {visible(one.reason)}  ({one.location})" for one in policy.forbidden_packages]
    )
    yield from _section("sandbox", [f"at least {policy.minimum_tier}"])
    if policy.first_installation != "automatic":
        yield from _section("installation", ["a first one needs consent"])
    yield from _section(
        "advisories", [f"no older than {policy.advisories.max_age_days} days, else {policy.advisories.on_stale}"]
    )
    yield from _section("verdicts", [f"no older than {policy.verdict_max_age_days} days"])


def _categories(policy: Policy) -> Iterator[str]:
    for category, ceiling in sorted(policy.categories.items()):
        lines = []
        for kind, rules in ceiling.permissions.items():
            lines += [f"{kind.value}: deny {_entry(entry)}" for entry in rules.deny]
            lines += [f"{kind.value}: only {_entry(entry)}" for entry in rules.allow]
            lines += [] if rules.allow else [f"{kind.value}: nothing  ({visible(rules.location)})"]
        lines += [f"{name}: at most {most:g}" for name, most in ceiling.limits.items()]
        yield from _section(category.value, lines)


def _levels(rules: Mapping[str, RuleSetting]) -> list[str]:
    return [
        f"{name}: {setting.level}{_held(setting.enforced)}  ({visible(setting.location)})"
        for name, setting in sorted(rules.items())
    ]


def _exception(one: PolicyException) -> Iterator[str]:
    where = "".join(f" {name} {value}" for name, value in (("in", one.path), ("about", one.subject)) if value)
    whom = one.plugin or f"sha256:{one.sha256}"
    yield visible(f"{whom}: {', '.join(one.rules)}{where} until {one.until}  ({one.location})")
    yield visible(f"  {one.reason}  ({one.owner})")


def _permissions(policy: Policy) -> Iterator[str]:
    for kind in PermissionType:
        rules = policy.rules_for(kind)
        lines = [f"deny   {_entry(entry)}" for entry in rules.deny]
        lines += [f"allow  {_entry(entry)}" for entry in rules.allow]
        if any(entry.permission.pattern == "*" for entry in rules.allow) and rules.refuse_overbroad:
            lines.append("       but nothing over-broad")
        yield from _section(kind.value, lines or ["nothing is allowed"])


def _entry(entry: Entry) -> str:
    reason = f"  {visible(entry.reason)}" if entry.reason else ""
    return f"{visible(entry.permission.pattern)}{reason}  ({visible(entry.location)})"


def _scanner(policy: Policy, name: str) -> str:
    setting = policy.scanner(name)
    if not setting.enabled:
        return "does not run"
    blocks = "findings block" if setting.enforced else "findings do not block"
    return f"{blocks}, {'required' if setting.required else 'not required'}"


def _held(enforced: bool) -> str:
    return "" if enforced else " (does not block)"


def _section(title: str, lines: list[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        yield f"{title if index == 0 else '':<14}{line}"
