"""Every rule's page of cases: what it must find, and what it must leave alone. README.md describes the format."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from rule_cases import CASES, PAGES, POLICY, Case, difference, read_page

from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.rules.context import RuleModule
from theodore_plugin.rules.examples import installed

BY_NAME = {module.RULE.name: module for module in RULES}
LEAST_CASES = 4


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_rule_finds_what_the_page_says_and_nothing_else(case: Case, tmp_path: Path) -> None:
    files = dict(case.files)
    environment = installed(files, tmp_path / "site")
    project = PluginProject.from_files(files)
    rules = [BY_NAME[case.rule]]
    findings = analyse(project, case.policy(tmp_path), rules, case.catalogue(), environment).findings
    problems = difference(case, list(findings))
    assert not problems, "\n".join([f"tests/rules/{case.rule}.md, {case.title}", *problems])


@pytest.mark.parametrize("module", RULES, ids=lambda module: module.RULE.name)
def test_every_rule_has_a_page_with_cases_of_both_kinds(module: RuleModule) -> None:
    cases = [case for case in CASES if case.rule == module.RULE.name]
    assert len(cases) >= LEAST_CASES, f"tests/rules/{module.RULE.name}.md: write at least {LEAST_CASES} cases"
    assert any(case.expected for case in cases), "no case in which the rule finds something"
    assert any(not case.expected for case in cases), "no case in which the rule stays silent"


def test_every_page_is_of_a_rule_and_no_case_is_there_twice() -> None:
    assert set(PAGES) <= set(BY_NAME)
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


SHIFTED = "# undeclared-import\n\n## One\n\n```python\nimport os\nimport nowhere  # finding: undeclared-import\n```\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SHIFTED.replace("import os\n", "import os  # finding: undeclared-import\n"), "missing  demo/example.py:1"),
        (SHIFTED.replace("  # finding: undeclared-import", ""), "extra    demo/example.py:2"),
        (SHIFTED.replace("import\n```", 'import "other words"\n```'), 'missing  demo/example.py:2 "other words"'),
    ],
)
def test_a_page_that_is_wrong_is_noticed(text: str, says: str, tmp_path: Path) -> None:
    page = tmp_path / "undeclared-import.md"
    page.write_text(text)
    (case,) = read_page(page)
    found = analyse(PluginProject.from_files(case.files), POLICY, rules=[BY_NAME[case.rule]]).findings
    assert says in "\n".join(difference(case, list(found)))
