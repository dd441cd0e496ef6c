"""Comments of a project file silence what is found there."""

from __future__ import annotations

import tomllib
from datetime import date

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.engine.licence import Licence
from theodore_plugin.engine.suppressions import apply
from theodore_plugin.facts.toml_comments import find_toml_comments
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.book import rule_book
from theodore_plugin.rules.examples import PYPROJECT, example_files, plugin

IGNORE = '# theodore: ignore[overstrict-bound] reason="its next release is broken"'

TEXT = '''\
# alone
name = "a # b"  # after a string
other = 'c # d' # after a literal
long = """
# inside
"quoted" # inside too
\\""" # still inside
"""  # after a long string
raw = \'\'\'
# inside
\'\'\'
"#key" = 1 # last'''


def test_comments_are_told_from_strings() -> None:
    tomllib.loads(TEXT)
    found = [(line, text, alone) for line, _, text, alone in find_toml_comments(TEXT)]
    assert found == [
        (1, "# alone", True),
        (2, "# after a string", False),
        (3, "# after a literal", False),
        (8, "# after a long string", False),
        (12, "# last", False),
    ]


def test_columns_and_windows_line_ends() -> None:
    assert list(find_toml_comments("a = 1\r\nb = 2 # x\r\n")) == [(2, 6, "# x", False)]


@pytest.mark.parametrize(
    ("dependencies", "rules"),
    [
        (f'["httpx==0.28.1"]  {IGNORE}', set()),
        (f'[\n    {IGNORE}\n    "httpx==0.28.1",\n]', set()),
        (f'[\n    "httpx==0.28.1",\n]  {IGNORE}', {"overstrict-bound", "unused-suppression"}),
        ('["httpx==0.28.1"]  # theodore: ignore[overstrict-bound]', {"overstrict-bound", "suppression-without-reason"}),
    ],
    ids=["on its line", "above it", "on another line", "without a reason"],
)
def test_a_finding_in_the_project_file_is_silenced_on_its_line(dependencies: str, rules: set[str]) -> None:
    text = PYPROJECT.replace('["httpx>=0.27"]', dependencies)
    assert text != PYPROJECT
    module = plugin(required_packages='[PackageDependency("httpx", "==0.28.1")]')
    project = PluginProject.from_files({**example_files(module), "pyproject.toml": text.encode()})
    result = analyse(project, load_policy("default"))
    licence = Licence(rule_book(), load_policy("default"))
    assert {item.rule for item in apply(result.findings, result.suppressions, licence, date.today()).findings} == rules
