"""Ceilings of a category: they hold besides the policy, and only take away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.permissions import Permission
from theodore_loader.policy import capped, grants, judge, load_policy
from theodore_sdk.info import PermissionType, PluginCategory, PluginPermission, PluginResourceLimits

SCRAPER, STORAGE = PluginCategory.SCRAPER, PluginCategory.STORAGE
Write = Callable[..., Path]

POLICY = """\
schema: 1
name: acme
permissions:
  network:
    allow: ["*"]
    deny: [evil.org]
  subprocess:
    allow: [git]
limits: {max_memory_mb: 800, max_cpu_percent: 60}
categories:
  scraper:
    permissions:
      network: {allow: ["*.acme.org", "evil.org"], deny: [secret.acme.org]}
      native: {allow: [numpy]}
    limits: {max_memory_mb: 400, max_cpu_percent: 90}
  storage:
    permissions: {network: {allow: []}}
"""


@pytest.mark.parametrize(
    ("request_", "category", "allowed", "line"),
    [
        ("network a.acme.org", SCRAPER, True, 13),
        ("network a.example.com", SCRAPER, False, 13),
        ("network secret.acme.org", SCRAPER, False, 13),
        ("network evil.org", SCRAPER, False, 6),  # denied by the policy: no ceiling brings it back
        ("network a.example.com", None, True, 5),
        ("network a.example.com", STORAGE, False, 17),
        ("network a.example.com", PluginCategory.EXPORTER, True, 5),
        ("subprocess git", SCRAPER, True, 8),  # the ceiling does not name the type
        ("native numpy", SCRAPER, False, None),  # the policy itself allows none
    ],
    ids=str,
)
def test_both_have_to_allow(
    write: Write, request_: str, category: PluginCategory | None, allowed: bool, line: int | None
) -> None:
    judgement = judge(Permission.from_text(request_), load_policy(write(POLICY)), category)
    assert judgement.allowed is allowed
    assert judgement.location == (f"acme.yaml:{line}" if line else "acme")


def test_a_refusal_names_the_category(write: Write) -> None:
    refused = judge(Permission.from_text("network a.example.com"), load_policy(write(POLICY)), SCRAPER)
    assert refused.reason == (
        "no allow entry covers it; allowed are *.acme.org, evil.org for a plugin of category scraper"
    )


def test_what_the_ceiling_leaves_is_granted_in_part(write: Write) -> None:
    declared = [PluginPermission(PermissionType.FILE_SYSTEM, "files", "rw:/data/**")]
    text = """\
schema: 1
name: acme
permissions: {filesystem: {allow: ["rw:/data/**"]}}
categories: {scraper: {permissions: {filesystem: {allow: ["r:/data/in/**"]}}}}
"""
    granted = grants(declared, load_policy(write(text)), SCRAPER)
    assert [str(one) for one in granted.permissions] == ["filesystem r:/data/in/**"]
    assert len(granted.refused) == 1


def test_limits_are_the_lowest_of_three(write: Write) -> None:
    policy = load_policy(write(POLICY))
    wanted = PluginResourceLimits(max_memory_mb=500, max_cpu_percent=100.0)
    assert capped(wanted, policy).max_memory_mb == 500
    assert capped(wanted, policy, SCRAPER).max_memory_mb == 400
    assert isinstance(capped(wanted, policy, SCRAPER).max_memory_mb, int)
    assert capped(wanted, policy, SCRAPER).max_cpu_percent == 60.0  # a category cannot raise the policy's limit


def test_ceilings_change_the_digest_and_are_inherited(write: Write) -> None:
    base = load_policy(write(POLICY, "base.yaml"))
    upper = load_policy(
        write(
            "schema: 1\nname: acme\nextends: base.yaml\ncategories: {scraper: {limits: {max_memory_mb: 100}}}\n",
        )
    )
    assert upper.digest != base.digest
    assert upper.ceiling(SCRAPER).limits == {"max_memory_mb": 100, "max_cpu_percent": 90.0}
    assert not judge(Permission.from_text("network a.example.com"), upper, SCRAPER).allowed
    assert upper.place("categories", "scraper", "limits", "max_memory_mb") == "acme.yaml:4"
    assert upper.place("categories", "scraper", "limits", "max_cpu_percent") == "base.yaml:15"


def test_a_bad_pattern_in_a_ceiling_is_found_at_its_line(
    problems: Callable[..., list[tuple[int, int, str, str]]],
) -> None:
    text = "schema: 1\nname: a\ncategories:\n  scraper:\n    permissions:\n      network: {allow: ['https://x.org']}\n"
    [(line, column, message, _)] = problems(text)
    assert (line, column) == (6, 25)
    assert "a URL, not a host" in message


def test_an_unknown_category_is_refused_with_the_nearest(
    problems: Callable[..., list[tuple[int, int, str, str]]],
) -> None:
    [(line, _, message, help_)] = problems("schema: 1\nname: a\ncategories: {scrapper: {}}\n")
    assert (line, message, help_) == (3, "unknown key 'scrapper' in categories", "did you mean scraper?")
