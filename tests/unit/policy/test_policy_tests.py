"""``policy test``: questions in the file, answers with the line that decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.cli import main
from theodore_plugin.policies.testing import Outcome, run_tests
from theodore_plugin.rules.book import rule_book

Write = Callable[..., Path]
POLICY = """\
schema: 1
name: acme
permissions:
  network: {allow: ["*.acme.org"], deny: [secret.acme.org]}
limits: {max_memory_mb: 800}
categories:
  scraper:
    permissions: {network: {allow: [www.acme.org]}}
    limits: {max_memory_mb: 300}
rules:
  shell-injection: warning
  no-shutdown: off
  bandit/B602: {level: error, enforced: false}
scanners: {mypy: {enforced: false}}
audiences: {registry: {rules: {shell-injection: error}}}
forbidden_packages: [{name: pycrypto, reason: unmaintained}]
exceptions:
  - {plugin: acme-tables, rules: [hardcoded-secret], path: "src/*", reason: r, owner: o, until: 2026-06-30}
tests:
"""


def asked(write: Write, question: str, today: date = date(2026, 6, 1)) -> Outcome:
    [outcome] = run_tests(load_policy(write(f"{POLICY}  - {question}\n")), rule_book(), today)
    return outcome


@pytest.mark.parametrize(
    ("question", "says", "line"),
    [
        ("{permission: network api.acme.org, expect: allowed}", "allowed", 4),
        ("{permission: network secret.acme.org, expect: refused}", "refused", 4),
        ("{permission: network api.acme.org, category: scraper, expect: refused}", "refused", 8),
        ("{permission: network www.acme.org, category: scraper, expect: allowed}", "allowed", 8),
        ("{permission: native numpy, expect: refused}", "refused", None),
        ("{limit: max_memory_mb, value: 900, expect: 800}", 800, 5),
        ("{limit: max_memory_mb, value: 900, category: scraper, expect: 300}", 300, 9),
        ("{limit: max_memory_mb, value: 100, expect: 100}", 100, 5),
        ("{package: PyCrypto, expect: refused}", "refused", 16),
        ("{package: cryptography, expect: allowed}", "allowed", 16),
        ("{finding: shell-injection, expect: warning}", "warning", 11),
        ("{finding: shell-injection, audience: registry, expect: error}", "error", 15),
        ("{finding: no-shutdown, expect: 'off'}", "off", 12),
        ("{finding: bandit/B602, expect: warning}", "warning", 13),
        ("{finding: mypy/arg-type, expect: warning}", "warning", None),
        ("{finding: bandit/B101, severity: notice, expect: notice}", "notice", None),
        ("{finding: undeclared-permission, expect: error}", "error", None),
        ("{finding: hardcoded-secret, plugin: Acme_Tables, path: src/a.py, expect: excepted}", "excepted", 18),
        ("{finding: hardcoded-secret, plugin: acme-tables, path: lib/a.py, expect: error}", "error", None),
        ("{finding: hardcoded-secret, plugin: other, path: src/a.py, expect: error}", "error", None),
        ("{finding: hardcoded-secret, plugin: acme-tables, path: src/a, on: 2026-07-01, expect: error}", "error", None),
    ],
    ids=[
        "allowed", "denied", "above-the-ceiling", "below-the-ceiling", "nothing-said", "capped", "capped-by-category",
        "below-the-cap", "forbidden", "not-forbidden", "level", "audience", "off", "not-enforced",
        "scanner-not-enforced", "tools-own-level", "fixed", "excepted", "other-path", "other-plugin", "expired",
    ],
)  # fmt: skip
def test_each_question_is_answered_with_its_line(
    write: Write, question: str, says: str | float, line: int | None
) -> None:
    outcome = asked(write, question)
    assert outcome.answer.says == says
    assert outcome.as_expected
    assert outcome.answer.place == (f"acme.yaml:{line}" if line else "acme")


def test_an_unexpected_answer_is_shown_with_the_line_that_decided(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(
        f"{POLICY}  - {{permission: network api.acme.org, category: scraper, expect: allowed}}\n"
        "  - {name: memory of scrapers, limit: max_memory_mb, value: 900, category: scraper, expect: 800}\n"
        "  - {package: x, expect: allowed}\n"
    )
    assert main(["policy", "test", str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "acme.yaml:20: permission network api.acme.org, category scraper",
        "  expected allowed, and it is refused: no allow entry covers it; allowed are www.acme.org for a plugin of "
        "category scraper (acme.yaml:8)",
        "acme.yaml:21: memory of scrapers",
        "  expected 800, and it is 300: capped (acme.yaml:9)",
        "1 of 3 answers as expected",
    ]


def test_all_as_expected_exits_0_and_no_tests_3(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", str(write(f"{POLICY}  - {{package: x, expect: allowed}}\n"))]) == 0
    assert capsys.readouterr().out == "1 of 1 answers as expected\n"
    assert main(["policy", "test", str(write(f"{POLICY}  []\n"))]) == 3
    assert "holds no tests" in capsys.readouterr().err
