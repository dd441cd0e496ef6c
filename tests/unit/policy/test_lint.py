"""What is valid and does not do what it seems to: one doubt at its line, and silence where there is nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.cli import main
from theodore_plugin.policies.linting import lint

Write = Callable[..., Path]
HEAD = "schema: 1\nname: acme\n"
TODAY = date(2026, 6, 1)
TOOLS = {"bandit", "mypy", "pip-audit", "secrets"}
EXCEPTION = "{plugin: a, rules: [%s], reason: r, owner: o, until: %s}"


def doubts(write: Write, text: str) -> list[tuple[str, str]]:
    policy = load_policy(write(HEAD + text))
    return [(remark.place, f"{remark.message} ({remark.help})") for remark in lint(policy, "acme.yaml", TOOLS, TODAY)]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("permissions:\n  network:\n    allow: ['*.a.org',\n      x.a.org]\n", 6, "already by *.a.org (acme.yaml:5)"),
        ("permissions:\n  network:\n    allow: [a.org,\n      a.org]\n", 6, "network a.org is allowed already"),
        ("permissions: {network: {allow: [a.org, a.org]}}\n", 3, "network a.org is allowed already"),
        ("permissions: {network: {allow: ['*', x.a.org],\n  deny: ['*.a.org']}}\n", 3, "never allowed: acme.yaml:4"),
        ("permissions: {network: {allow: [a.org],\n  deny: [b.org]}}\n", 4, "denial of network b.org does nothing"),
        ("permissions: {environment: {deny: [A]}}\n", 3, "denial of environment A does nothing"),
        ("permissions: {network: {allow: ['*'], overbroad: allow}}\n", 3, "over-broad requests included"),
        ("permissions: {native: {allow: ['*']}}\n", 3, "allows any code at all"),
        ("permissions: {network: {allow: ['*.com']}}\n", 3, "network *.com is broad"),
        ("permissions: {subprocess: {allow: [git]}}\nlimits: {max_subprocess_count: 0}\n", 3, "lets none run"),
        ("minimum_tier: none\n", 3, "without any confinement"),
        ("rules: {bandt/B602: error}\n", 3, "there is no scanner bandt (did you mean bandit?)"),
        ("rules: {no-shutdown: error}\naudiences: {ci: {rules: {no-shutdown: error}}}\n", 4, "ci changes nothing"),
        ("audiences: {ci: {rules: {semgrepp/x: error}}}\n", 3, "there is no scanner semgrepp"),
        ("scanners: {mypy: {enabled: false, required: true}}\n", 3, "mypy is switched off, so that it is required"),
        ("scanners: {mypy: {enabled: false, enforced: true}}\n", 3, "mypy is switched off, so that it is enforced"),
        ("rules: {shell-injection: off}\nsuppressions: {allow: [shell-injection]}\n", 4, "nobody needs to suppress it"),
        (f"exceptions: [{EXCEPTION % ('shell-injection', '2026-05-31')}]\n", 3, "ended on 2026-05-31"),
        (f"exceptions: [{EXCEPTION % ('shell-injection', '2027-06-02')}]\n", 3, "ends only on 2027-06-02"),
        (f"exceptions: [{EXCEPTION % ('bandt/B602', '2026-06-01')}]\n", 3, "there is no scanner bandt"),
        (
            f"rules: {{no-shutdown: off}}\nexceptions: [{EXCEPTION % ('no-shutdown', '2026-06-01')}]\n",
            4,
            "nothing to except (see acme.yaml:3)",
        ),
        ("forbidden_packages: [one,\n  One]\n", 4, "one is forbidden already (see acme.yaml:3)"),
        ("categories: {scraper: {permissions: {network: {allow: [a.org]}}}}\n", 3, "a ceiling only takes away"),
        ("categories: {scraper: {permissions: {network: {deny: [a.org]}}}}\n", 3, "a ceiling only takes away"),
        (
            "limits: {max_memory_mb: 100}\ncategories:\n  scraper:\n    limits: {max_memory_mb: 100}\n",
            6,
            "the policy's own limit is 100",
        ),
    ],
    ids=[
        "covered", "twice", "twice-on-a-line", "denied", "denial-of-nothing", "denial-under-no-allow", "anything",
        "any-code", "broad", "programs-without-processes", "no-tier", "no-such-tool", "same-level", "no-such-tool-ci",
        "off-and-required", "off-and-enforced", "off-and-suppressed", "ended", "endless", "exception-of-no-tool",
        "exception-of-off", "forbidden-twice", "ceiling-allows", "ceiling-denies", "ceiling-limit",
    ],
)  # fmt: skip
def test_each_doubt_is_one_remark_at_its_line(write: Write, text: str, line: int, says: str) -> None:
    [(place, said)] = doubts(write, text)
    assert place == f"acme.yaml:{line}"
    assert says in said


@pytest.mark.parametrize(
    "text",
    [
        "permissions: {network: {allow: ['*', x.a.org], deny: [evil.org]}}\n",
        "permissions: {network: {allow: [x.a.org, x.b.org], deny: ['x.b.org:22']}}\n",
        "scanners: {mypy: {enabled: false}, semgrep: {required: true}}\n",
        f"exceptions: [{EXCEPTION % ('shell-injection', '2026-06-01')}]\n",
        "limits: {max_memory_mb: 100}\ncategories: {scraper: {limits: {max_memory_mb: 99}}}\n",
        "rules: {no-shutdown: error}\naudiences: {ci: {rules: {no-shutdown: warning, bandit/B602: off}}}\n",
    ],
    ids=["star-and-name", "part-denied", "off", "today", "lower", "audience"],
)
def test_what_makes_sense_is_not_remarked_on(write: Write, text: str) -> None:
    assert doubts(write, text) == []


def test_only_the_files_own_lines_are_doubted(write: Write) -> None:
    write(HEAD + "permissions: {native: {allow: ['*']}}\n", "base.yaml")
    assert doubts(write, "extends: base.yaml\n") == []


@pytest.mark.parametrize("name", ["default", "strict"])
def test_the_shipped_policies_are_beyond_doubt(name: str) -> None:
    assert lint(load_policy(name), f"{name}.yaml", TOOLS, TODAY) == ()


def test_the_command_lists_doubts_and_exits_1(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "lint", str(write(HEAD + "minimum_tier: none\n"))]) == 1
    assert capsys.readouterr().out.startswith("acme.yaml:3: minimum_tier none")
    assert main(["policy", "lint", str(write(HEAD))]) == 0
    assert "nothing to point out" in capsys.readouterr().out
    assert main(["policy", "lint", str(write(HEAD + "rulez: {}\n"))]) == 2
