"""Levels that differ by audience, and what extending does to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_loader.policy.model import RuleSetting

Write = Callable[..., Path]

POLICY = """\
schema: 1
name: acme
rules: {unused-permission: error, dynamic-import: warning}
audiences:
  author:
    rules: {unused-permission: notice}
  registry:
    rules: {dynamic-import: {level: error, enforced: true}}
"""


def test_an_audience_replaces_the_levels_it_names(write: Write) -> None:
    policy = load_policy(write(POLICY))
    author = policy.for_audience("author")
    assert author.rule("unused-permission", "warning") == RuleSetting("notice")
    assert author.rule("dynamic-import", "warning") == RuleSetting("warning")
    assert author.rule("unused-permission", "warning").location == "acme.yaml:6"
    assert author.rule("dynamic-import", "warning").location == "acme.yaml:3"
    assert author.rule("other", "warning").location == ""
    assert policy.rule("unused-permission", "warning") == RuleSetting("error")


def test_levels_of_an_audience_have_their_own_digest(write: Write) -> None:
    policy = load_policy(write(POLICY))
    digests = {policy.digest, policy.for_audience("author").digest, policy.for_audience("registry").digest}
    assert len(digests) == 3
    assert policy.for_audience("host") is policy
    assert policy.for_audience(None) is policy


def test_what_an_upper_policy_names_is_no_longer_softened_by_the_lower(write: Write) -> None:
    write(POLICY, "base.yaml")
    upper = load_policy(write("schema: 1\nname: up\nextends: base.yaml\nrules: {unused-permission: error}\n"))
    assert upper.for_audience("author").rule("unused-permission", "warning") == RuleSetting("error")
    assert upper.for_audience("registry").rule("dynamic-import", "warning") == RuleSetting("error")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("audiences: {authors: {}}", "unknown key 'authors' in audiences"),
        ("audiences: {author: {rules: {signature-invalid: off}}}", "signature-invalid cannot be set"),
        ("audiences: {author: {limits: {}}}", "unknown key 'limits' in audiences.author"),
    ],
)
def test_a_wrong_audience_is_explained(
    problems: Callable[..., list[tuple[int, int, str, str]]], text: str, message: str
) -> None:
    [(line, _, said, _)] = problems(f"schema: 1\nname: a\n{text}\n")
    assert line == 3
    assert message in said


def test_a_policy_says_when_an_exception_ends(write: Write) -> None:
    entry = "{plugin: a, rules: [shell-injection], reason: r, owner: o, until: %s}"
    text = f"{POLICY}exceptions: [{entry % '2026-05-01'}, {entry % '2026-03-01'}, {entry % '2026-01-01'}]\n"
    policy = load_policy(write(text))
    assert policy.changes_on(date(2026, 2, 1)) == date(2026, 3, 2)
    assert policy.changes_on(date(2026, 3, 1)) == date(2026, 3, 2)
    assert policy.changes_on(date(2026, 3, 2)) == date(2026, 5, 2)
    assert policy.changes_on(date(2026, 5, 2)) is None
