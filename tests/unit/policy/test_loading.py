from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader import strict_json
from theodore_loader.paths import cache_dir
from theodore_loader.policy import BUILT_IN, Policy, load_policy
from theodore_loader.policy.model import Advisories, RuleSetting, ScannerSetting
from theodore_sdk.info import PermissionType, PluginResourceLimits

HEAD = "schema: 1\nname: acme\n"


def test_an_empty_policy_allows_nothing_and_requires_everything(write: Callable[..., Path]) -> None:
    policy = load_policy(write(HEAD))
    assert all(not policy.rules_for(kind).allow for kind in PermissionType)
    assert policy.scanner("bandit") == ScannerSetting(enforced=True, required=True)
    assert policy.rule("unused-permission", "warning") == RuleSetting("warning", enforced=True)
    assert policy.limits == PluginResourceLimits()
    assert policy.minimum_tier == "standard"
    assert policy.advisories == Advisories(7, "incomplete")
    assert policy.verdict_max_age_days == 30
    assert policy == Policy("acme")


def test_every_value_of_a_file_arrives(write: Callable[..., Path]) -> None:
    policy = load_policy(
        write(
            HEAD
            + """\
description: ours
permissions:
  network:
    allow: [api.example.com, {pattern: "*.example.org:443", reason: partners}]
    overbroad: allow
rules:
  unused-permission: off
  bandit/B602: {level: warning, enforced: false}
scanners: {mypy: {enforced: false}}
limits: {max_cpu_percent: 75, max_memory_mb: 256}
network_limits: {connections: 8, idle_seconds: 30}
minimum_tier: basic
suppressions: {allow: [shell-injection]}
forbidden_packages: [PyCrypto, {name: left_pad, reason: gone}]
advisories: {max_age_days: 2, on_stale: warning}
verdict: {max_age_days: 3}
"""
        )
    )
    network = policy.rules_for(PermissionType.NETWORK)
    assert [(e.permission.pattern, e.reason, e.location) for e in network.allow] == [
        ("api.example.com", "", "acme.yaml:6"),
        ("*.example.org:443", "partners", "acme.yaml:6"),
    ]
    assert not network.refuse_overbroad
    assert policy.rule("unused-permission", "warning").level == "off"
    assert policy.rule("bandit/B602", "error") == RuleSetting("warning", enforced=False)
    assert policy.scanner("mypy") == ScannerSetting(enforced=False, required=True)
    assert policy.limits == PluginResourceLimits(max_cpu_percent=75.0, max_memory_mb=256)
    assert isinstance(policy.limits.max_cpu_percent, float)
    assert policy.network_limits == {"connections": 8, "idle_seconds": 30.0}
    assert policy.minimum_tier == "basic"
    assert policy.suppressions == {"shell-injection"}
    assert [(p.name, p.reason) for p in policy.forbidden_packages] == [("pycrypto", ""), ("left-pad", "gone")]
    assert policy.advisories == Advisories(2, "warning")
    assert policy.verdict_max_age_days == 3


def test_a_layer_replaces_what_it_names_and_only_adds_denials(write: Callable[..., Path]) -> None:
    write(
        HEAD
        + """\
permissions:
  network: {allow: [a.org, b.org], deny: [evil.org], overbroad: allow}
  registry: {allow: [A]}
rules: {unused-permission: off, dynamic-import: error}
forbidden_packages: [one]
limits: {max_memory_mb: 100, max_file_handles: 7}
suppressions: {allow: [shell-injection]}
""",
        "base.yaml",
    )
    policy = load_policy(
        write(
            """\
schema: 1
name: upper
extends: base.yaml
permissions:
  network: {allow: [c.org], deny: [bad.org]}
rules: {unused-permission: error}
forbidden_packages: [two]
limits: {max_memory_mb: 50}
suppressions: {allow: []}
"""
        )
    )
    network = policy.rules_for(PermissionType.NETWORK)
    assert [entry.permission.pattern for entry in network.allow] == ["c.org"]
    assert [entry.location for entry in network.deny] == ["base.yaml:4", "acme.yaml:5"]
    assert not network.refuse_overbroad
    assert [entry.permission.pattern for entry in policy.rules_for(PermissionType.REGISTRY).allow] == ["A"]
    assert {name: setting.level for name, setting in policy.rules.items()} == {
        "unused-permission": "error",
        "dynamic-import": "error",
    }
    assert [package.name for package in policy.forbidden_packages] == ["one", "two"]
    assert (policy.limits.max_memory_mb, policy.limits.max_file_handles) == (50, 7)
    assert policy.suppressions == frozenset()


def test_the_digest_covers_meaning_and_not_layout(write: Callable[..., Path]) -> None:
    one = write(
        HEAD
        + "permissions:\n  network:\n    allow:\n      - A.org   # comment\n      - b.org\n"
        + "limits: {max_cpu_percent: 5}\n"
    )
    digest = load_policy(one).digest
    same = write(
        "name: 'acme'\nschema: 1\nlimits:\n  max_cpu_percent: 5.0\n"
        'permissions: {"network": {allow: [{pattern: b.org, reason: because}, a.org:*], overbroad: refuse}}\n',
        "elsewhere.yaml",
    )
    assert load_policy(same).digest == digest
    assert digest == hashlib.sha256(strict_json.canonical(load_policy(one).decisions())).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        "permissions: {network: {allow: [a.org]}}",
        "permissions: {network: {deny: [a.org]}}",
        "permissions: {network: {overbroad: allow}}",
        "rules: {unused-permission: off}",
        "rules: {unused-permission: {level: warning, enforced: false}}",
        "scanners: {mypy: {required: false}}",
        "limits: {max_memory_mb: 1}",
        "minimum_tier: none",
        "suppressions: {allow: [shell-injection]}",
        "forbidden_packages: [a]",
        "advisories: {max_age_days: 1}",
        "advisories: {on_stale: warning}",
        "verdict: {max_age_days: 1}",
    ],
)
def test_every_decision_changes_the_digest(write: Callable[..., Path], change: str) -> None:
    assert load_policy(write(HEAD + change)).digest != load_policy(write(HEAD)).digest


def test_a_second_load_reads_the_cache_and_means_the_same(write: Callable[..., Path]) -> None:
    path = write(HEAD + "permissions: {network: {allow: [a.org]}}\n")
    first = load_policy(path)
    cached = list((cache_dir() / "policies").glob("*.json"))
    assert len(cached) == 1
    assert load_policy(path) == first


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00" * 50, None])
def test_a_damaged_cache_is_read_anew(write: Callable[..., Path], damage: bytes | None) -> None:
    path = write(HEAD + "permissions: {network: {allow: [a.org]}}\n")
    first = load_policy(path)
    (entry,) = (cache_dir() / "policies").glob("*.json")
    entry.write_bytes(entry.read_bytes().replace(b"a.org", b"b.org") if damage is None else damage)
    assert load_policy(path) == first


def test_a_cache_that_cannot_be_written_only_costs_time(write: Callable[..., Path]) -> None:
    cache_dir().parent.mkdir(parents=True, exist_ok=True)
    cache_dir().write_text("a file where the folder should be")
    assert load_policy(write(HEAD)).name == "acme"


def test_a_full_disk_leaves_no_half_written_cache() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "from theodore_loader.policy import load_policy; print(load_policy('strict').digest)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert list((cache_dir() / "policies").iterdir()) == []
    assert done.stdout.strip() == load_policy("strict").digest


def test_a_warm_load_imports_neither_parser_nor_validator() -> None:
    load_policy("strict")
    code = (
        "import sys; from theodore_loader.policy import load_policy; load_policy('strict');"
        "sys.exit(bool({'jsonschema', 'ruamel.yaml', 'sigstore', 'rich'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_policies_load_under_their_own_name(name: str) -> None:
    policy = load_policy(name)
    assert policy.name == name
    assert policy.description
    for kind in PermissionType:
        rules = policy.rules_for(kind)
        assert all(entry.reason for entry in (*rules.allow, *rules.deny)), kind


def test_the_decisions_are_plain_json() -> None:
    decisions = load_policy("default").decisions()
    assert json.loads(json.dumps(decisions)) == decisions


def test_bounds_of_connections_are_inherited_one_by_one_and_part_of_the_digest(write: Callable[..., Path]) -> None:
    silent = load_policy(write(HEAD))
    assert "network_limits" not in silent.decisions()
    write(HEAD + "network_limits: {connections: 64, bytes_in_per_minute: 1000000}\n", "below.yaml")
    above = load_policy(write(HEAD + "extends: below.yaml\nnetwork_limits: {connections: 8.0}\n"))
    assert above.network_limits == {"connections": 8, "bytes_in_per_minute": 1_000_000}
    assert isinstance(above.network_limits["connections"], int)
    assert above.decisions()["network_limits"] == {"bytes_in_per_minute": 1e6, "connections": 8.0}
    assert above.digest != silent.digest
