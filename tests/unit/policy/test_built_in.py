"""What the shipped policies say to real requests. A change here is a change in what hosts allow."""

from __future__ import annotations

import pytest

from theodore_loader.permissions import Permission
from theodore_loader.policy import capped, grants, judge, load_policy
from theodore_sdk.info import PermissionType, PluginPermission, PluginResourceLimits


@pytest.mark.parametrize(
    ("request_", "default", "strict", "development"),
    [
        ("network api.example.com:443", True, True, True),
        ("network *.example.com", True, True, True),
        ("network *", False, False, True),
        ("network *:443", False, False, True),
        ("network *.com", False, False, True),
        ("network 127.0.0.1:8080", True, False, True),
        ("network localhost", True, False, True),
        ("network 10.1.2.3", True, False, True),
        ("network 10.0.0.0/8", False, False, True),
        ("network printer.local", True, False, True),
        ("network 169.254.169.254", False, False, True),
        ("network [::ffff:169.254.169.254]:80", False, False, True),
        ("network metadata.google.internal", False, False, True),
        ("network listen:8080", True, False, True),
        ("network listen:*", False, False, True),
        ("filesystem rw:{data}/**", True, True, True),
        ("filesystem r:{cache}/pages/*", True, True, True),
        ("filesystem rw:{tmp}", True, True, True),
        ("filesystem r:/etc/hosts", False, False, True),
        ("filesystem r:/srv/books/**", False, False, True),
        ("filesystem r:/home/alice/**", False, False, False),
        ("filesystem *", False, False, False),
        ("subprocess git", False, False, True),
        ("subprocess *", False, False, True),
        ("environment ACME_API_KEY", True, False, True),
        ("environment *_API_KEY", False, False, True),
        ("environment AWS_SECRET_ACCESS_KEY", False, False, True),
        ("environment LD_PRELOAD", False, False, True),
        ("environment L*", False, False, True),
        ("registry WebScraper", True, False, True),
        ("registry *", False, False, True),
        ("native numpy", False, False, True),
        ("dynamic_code acme.parsers", False, False, True),
    ],
)
def test_judgements(request_: str, default: bool, strict: bool, development: bool) -> None:
    for name, expected in (("default", default), ("strict", strict), ("development", development)):
        judgement = judge(Permission.from_text(request_), load_policy(name))
        assert judgement.allowed == expected, (name, judgement)
        assert judgement.reason
        assert judgement.location.split(":")[0] in {"default.yaml", "strict.yaml", "development.yaml", name}


def test_strict_allows_nothing_that_default_refuses() -> None:
    default, strict = load_policy("default"), load_policy("strict")
    for kind in PermissionType:
        denied = {entry.permission for entry in strict.rules_for(kind).deny}
        assert {entry.permission for entry in default.rules_for(kind).deny} <= denied
        for entry in strict.rules_for(kind).allow:
            assert any(one.permission.covers(entry.permission) for one in default.rules_for(kind).allow)


def test_a_refusal_quotes_the_line_and_its_reason() -> None:
    judgement = judge(Permission.from_text("environment AWS_PROFILE"), load_policy("default"))
    assert judgement.reason == "environment AWS_* is denied: credentials of the machine"
    assert judgement.location.startswith("default.yaml:")


def test_a_request_that_contains_a_denial_says_what_to_leave_out() -> None:
    judgement = judge(Permission.from_text("network 169.254.0.0/15"), load_policy("default"))
    assert not judgement.allowed
    assert "10" not in judgement.location
    judgement = judge(Permission.from_text("network *"), load_policy("default"))
    assert judgement.reason.startswith("it includes network 169.254.0.0/16, which is denied")


def test_a_type_without_entries_says_so() -> None:
    assert judge(Permission.from_text("native *"), load_policy("default")).reason == "no native permission is allowed"


def test_grants_are_in_full_in_part_or_not_at_all() -> None:
    declared = [
        PluginPermission(PermissionType.NETWORK, "the service", "api.example.com"),
        PluginPermission(PermissionType.FILE_SYSTEM, "everything", "*"),
        PluginPermission(PermissionType.SUBPROCESS, "git", "git"),
    ]
    result = grants(declared, load_policy("default"))
    assert [str(one) for one in result.permissions] == [
        "filesystem rw:{cache}/**",
        "filesystem rw:{data}/**",
        "filesystem rw:{tmp}/**",
        "network api.example.com",
    ]
    assert [str(one.permission) for one in result.refused] == ["filesystem *", "subprocess git"]


def test_a_named_entry_allows_even_what_is_overbroad(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "ours.yaml"
    path.write_text("schema: 1\nname: ours\npermissions: {subprocess: {allow: [python3, git]}}\n")
    policy = load_policy(path)
    assert judge(Permission.from_text("subprocess python3"), policy).allowed
    assert not judge(Permission.from_text("subprocess perl"), policy).allowed


def test_limits_are_capped_one_by_one() -> None:
    wanted = PluginResourceLimits(max_memory_mb=4096, max_cpu_percent=10.0, max_subprocess_count=5)
    result = capped(wanted, load_policy("default"))
    assert (result.max_memory_mb, result.max_cpu_percent, result.max_subprocess_count) == (1024, 10.0, 0)
