"""A project is mended round by round, held against a second check, and never made worse."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.engine.run import run
from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.fixes.book import fixers
from theodore_plugin.fixes.model import Edit, Fix
from theodore_plugin.fixes.planning import MAX_FIXES
from theodore_plugin.fixes.rounds import EXPOSED, Outcome, mend, offered
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import Report, blocks
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.rules.examples import example_files, installed, plugin
from theodore_plugin.settings import Settings

SETTINGS = Settings(load_policy("default"))
EXAMPLES = [
    pytest.param(example.code, id=f"{module.RULE.name}-{number}")
    for module in RULES
    if module.RULE.name in fixers()
    for number, example in enumerate(module.RULE.bad)
]


def check(project: PluginProject) -> Report:
    return run(project, SETTINGS, scanners=())


def settled(project: PluginProject, *, unsafe: bool = True) -> Outcome:
    return mend(project, check(project), check, unsafe=unsafe)


def changed(files: dict[str, bytes], outcome: Outcome) -> PluginProject:
    return PluginProject.from_files({**files, **{path: after for path, (_, after) in outcome.changes.items()}})


def serious(report: Report) -> Counter[tuple[str, str]]:
    fails = (item for item in report.findings if blocks(item) or item.severity is Severity.INCOMPLETE)
    return Counter((item.rule, item.location.path) for item in fails)


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_mended_project_has_no_new_errors_and_is_not_mended_again(code: str, tmp_path: Path) -> None:
    files = example_files(code)
    files.pop("hosts.json", None)
    installed(files, tmp_path)
    before = PluginProject.from_files(files)
    outcome = settled(before)
    after = changed(files, outcome)
    exposed = {rule for finding, _ in outcome.mended for rule in EXPOSED.get(finding.rule, ())}
    assert {rule for rule, _ in serious(check(after)) - serious(check(before))} <= exposed
    assert settled(after).changes == {}


def test_everything_that_is_wrong_with_a_plugin_is_mended_at_once() -> None:
    code = (
        "# file: demo/example.py\nimport subprocess\nimport tarfile\nimport time\n\nimport yaml\n\n\n"
        "async def run(path, text):\n    time.sleep(1)\n    tarfile.open(path).extractall('x')\n"
        "    return yaml.load(text, Loader=yaml.Loader)\n" + plugin(version='"2.0.0"')
    )
    files = example_files(code)
    outcome = settled(PluginProject.from_files(files))
    assert {finding.rule for finding, _ in outcome.mended} >= {
        "blocking-call-in-async",
        "path-traversal",
        "unsafe-deserialisation",
        "undeclared-import",
        "metadata-drift",
    }
    left = {item.rule for item in check(changed(files, outcome)).findings}
    assert left.isdisjoint({"path-traversal", "unsafe-deserialisation", "undeclared-import", "metadata-drift"})


def test_safe_fixes_alone_leave_what_is_unsafe() -> None:
    outcome = settled(PluginProject.from_files(example_files(TWO)), unsafe=False)
    assert {finding.rule for finding, _ in outcome.mended} == {"path-traversal"}
    assert all(fix.safe for _, fix in outcome.mended)


def test_many_missing_declarations_go_into_one_list() -> None:
    reads = "".join(f"A{number} = os.environ['ACME_{number:02}']\n" for number in range(30))
    files = example_files(f"import os\n\n{reads}")
    outcome = settled(PluginProject.from_files(files))
    text = outcome.changes["demo/plugin.py"][1].decode()
    assert [text.count(f'pattern="ACME_{number:02}"') for number in range(30)] == [1] * 30


TWO = """\
import tarfile

import yaml


def f(path, text):
    tarfile.open(path).extractall()
    yaml.full_load(text)
"""
"""One defect with a safe fix, and one with an unsafe one."""
BROKEN = {
    "does not parse": b"def (",
    "an error more": b"import pickle\n\n\ndef f(data):\n    return pickle.loads(data)\n",
    "still there": b"import tarfile\n\n\ndef f(path):\n    tarfile.open(path).extractall()  \n",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))
def test_a_fix_that_makes_things_worse_or_not_better_is_given_up(content: bytes) -> None:
    """The net under every fix: whatever a fix does, a second check has the last word."""
    files = example_files("import tarfile\n\n\ndef f(path):\n    tarfile.open(path).extractall()\n")
    project = PluginProject.from_files(files)
    data = files["demo/example.py"]
    report = check(project)
    finding = next(item for item in report.findings if item.rule == "path-traversal")
    whole = Edit(Location("demo/example.py"), 0, data, content)
    bad = replace(report, fixes={finding.sort_key: Fix("path-traversal", True, (whole,), "break it")})

    def recheck(changed: PluginProject) -> Report:
        return replace(check(changed), fixes={})

    assert mend(project, bad, recheck, unsafe=True) == Outcome({}, ())


def test_one_bad_fix_does_not_keep_the_others_from_being_applied() -> None:
    files = example_files("import tarfile\n\n\ndef f(path):\n    tarfile.open(path).extractall()\n\n\nX = 1\n")
    project = PluginProject.from_files(files)
    report = check(project)
    data = files["demo/example.py"]
    where = Location("demo/example.py", 8, 1)
    other = Finding("some-rule", Severity.WARNING, Confidence.HIGH, where, "X is 1")
    start = data.index(b"X = 1")
    bad = Fix("some-rule", True, (Edit(where, start, b"X = 1", b"X = ("),), "break it")
    both = replace(report, findings=(*report.findings, other), fixes={**report.fixes, other.sort_key: bad})
    outcome = mend(project, both, check, unsafe=True)
    assert [finding.rule for finding, _ in outcome.mended][:1] == ["path-traversal"]
    assert b"X = 1" in outcome.changes["demo/example.py"][1]


def test_another_file_than_was_checked_is_not_touched() -> None:
    files = example_files("import tarfile\n\n\ndef f(path):\n    tarfile.open(path).extractall()\n")
    report = check(PluginProject.from_files(files))
    files["demo/example.py"] = b"# changed\n" + files["demo/example.py"]
    assert (
        mend(PluginProject.from_files(files), report, lambda p: replace(check(p), fixes={}), unsafe=True).changes == {}
    )


def test_what_is_offered_is_counted() -> None:
    report = check(PluginProject.from_files(example_files(TWO)))
    assert offered(report, unsafe=False) == 1
    assert offered(report, unsafe=True) >= 2


def test_more_than_one_report_can_offer_is_mended_in_several_rounds() -> None:
    calls = "".join(f"    requests.get('https://api.example.com/{number}')\n" for number in range(MAX_FIXES + 20))
    files = example_files(f"import requests\n\n\ndef f():\n{calls}")
    project = PluginProject.from_files(files)
    assert len(check(project).fixes) == MAX_FIXES
    outcome = settled(project, unsafe=False)
    text = outcome.changes["demo/example.py"][1].decode()
    assert text.count(", timeout=30)\n") == MAX_FIXES + 20


def test_many_dependencies_go_into_an_empty_array() -> None:
    names = ["requests", "yaml", "bs4", "jinja2"]
    code = "".join(f"import {name}\n" for name in names)
    files = {
        "pyproject.toml": b'[project]\nname = "lib"\nversion = "1"\ndependencies = []\n',
        "lib/__init__.py": code.encode(),
    }
    (_, text) = settled(PluginProject.from_files(files)).changes["pyproject.toml"]
    added = tomllib.loads(text.decode())["project"]["dependencies"]
    assert sorted(added) == ["Jinja2", "PyYAML", "beautifulsoup4", "requests"]
