from pathlib import Path

import pytest

from theodore_plugin.finding import Silencer
from theodore_plugin.report.rule_page import rule_page
from theodore_plugin.report.rule_pages import pages, write_pages
from theodore_plugin.rules.book import rule_book, rule_set_digest
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.rules.engine.reports import ENGINE_RULES
from theodore_plugin.rules.packaging.refusals import ARTIFACT_RULES
from theodore_plugin.rules.trust.refusals import TRUST_RULES

DOCS = Path(__file__).parents[3] / "docs" / "rules"


def test_the_pages_in_the_repository_are_those_of_the_rules():
    written = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    assert written == pages(), "run: python -m theodore_plugin.report.rule_pages docs/rules"


def test_no_two_rules_share_a_name():
    others = (*ENGINE_RULES, *ARTIFACT_RULES, *TRUST_RULES)
    names = [module.RULE.name for module in RULES] + [rule.name for rule in others]
    assert sorted(names) == sorted(rule_book())


@pytest.mark.parametrize("rule", rule_book().values(), ids=lambda rule: rule.name)
def test_every_page_has_the_fixed_headings_and_says_who_may_silence(rule):
    page = rule_page(rule)
    positions = [page.index(f"## {name}") for name in ("What it does", "Why it matters", "Use instead", "Suppressing")]
    assert positions == sorted(positions)
    assert (f"ignore[{rule.name}]" in page.rpartition("## Suppressing")[2]) is (rule.silencer is Silencer.INLINE)


def test_pages_of_rules_that_are_gone_are_removed(tmp_path):
    (tmp_path / "gone-rule.md").write_text("old")
    write_pages(tmp_path)
    assert not (tmp_path / "gone-rule.md").exists()
    assert (tmp_path / "analyzer-failed.md").exists()


def test_the_rule_set_has_one_digest():
    assert len(rule_set_digest()) == 64
    assert rule_set_digest() == rule_set_digest()
