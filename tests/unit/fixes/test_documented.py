"""What is said about fixes is what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.book import MODULES, fixers
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.described import does, kind
from theodore_plugin.report.rule_page import rule_page
from theodore_plugin.rules.book import rule_book

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "fixes.md"
ROW = re.compile(
    r"^\| \[`(?P<rule>[a-z0-9-]+)`\]\(\.\./rules/[a-z0-9-]+\.md\) \| (?P<kind>safe|unsafe) \| (?P<does>.+) \|$", re.M
)


def test_the_guide_lists_every_fix_and_no_other() -> None:
    listed = {row["rule"]: (row["kind"], row["does"]) for row in ROW.finditer(GUIDE.read_text(encoding="utf-8"))}
    assert listed == {name: (kind(name), does(name)) for name in rule_book() if does(name)}


@pytest.mark.parametrize("name", MODULES)
def test_a_fix_is_named_after_its_rule_and_has_the_shape_of_one(name: str) -> None:
    rule = name.replace("_", "-")
    module = fixers()[rule]
    assert rule == module.RULE
    assert rule in rule_book()
    assert isinstance(module.SAFE, bool)
    assert module.DOES.endswith(".")
    assert list(inspect.signature(module.fix).parameters) == ["finding", "context"]
    assert module.fix.__annotations__["finding"] in {Finding, "Finding"}
    assert module.fix.__annotations__["context"] in {FixContext, "FixContext"}


def test_pages_of_rules_say_whether_there_is_a_fix() -> None:
    page = rule_page(rule_book()["tls-verification-disabled"])
    assert "fix: safe\n" in page
    assert "check --fix\n" in page.partition("## Fixing")[2]
    assert "--fix --unsafe-fixes" in rule_page(rule_book()["undeclared-permission"])
    none = rule_page(rule_book()["manifest-missing"])
    assert "fix: none\n" in none
    assert "## Fixing" not in none


def test_what_widens_a_plugin_is_not_called_safe() -> None:
    for rule in ("undeclared-permission", "undeclared-target", "dependency-capability", "permission-unknown"):
        assert kind(rule) == "unsafe"
    for rule in ("undeclared-import", "overstrict-bound", "host-range-too-narrow"):
        assert kind(rule) == "unsafe"
