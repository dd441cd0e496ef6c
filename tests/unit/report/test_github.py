import re

import pytest

from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.report.github import MAX_MESSAGE, render

COMMAND = re.compile(r"::(error|warning|notice) ([^:\r\n]*)::([^\r\n]*)")


def as_the_runner_reads(text):
    """Parse as the runner does: one command per line, then percent-decode, ``%25`` last."""
    for line in text.splitlines():
        found = COMMAND.fullmatch(line)
        assert found, line
        kind, properties, message = found.groups()
        pairs = dict(pair.split("=", 1) for pair in properties.split(","))
        yield kind, {name: decoded(value) for name, value in pairs.items()}, decoded(message)


def decoded(value):
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(code, character)
    return value


def at(severity=Severity.ERROR, confidence=Confidence.HIGH, message="wrong", **more):
    return Finding("a-rule", severity, confidence, Location("src/a.py", 3, 5, 4, 1), message, **more)


def test_a_finding_is_an_annotation_at_its_place(make_report):
    _, (kind, properties, message) = as_the_runner_reads(
        render([make_report(at(help="do, this: now", message="50 %"))])
    )
    assert kind == "error"
    assert properties == {"file": "src/a.py", "line": "3", "endLine": "4", "col": "5", "title": "a-rule"}
    assert message == "50 %\nhelp: do, this: now"


def test_the_verdict_comes_first_and_then_the_worst(everything):
    read = list(as_the_runner_reads(render([everything])))
    assert read[0][1] == {"title": "theodore-plugin"}
    assert read[0][2].startswith("incomplete: page-scraper 1.2.0")
    kinds = [kind for kind, _, _ in read]
    assert kinds == sorted(kinds, key=["error", "warning", "notice"].index)


def test_a_pass_is_a_notice(make_report):
    ((kind, _, message),) = as_the_runner_reads(render([make_report()]))
    assert kind == "notice"
    assert message.startswith("pass: ")


def test_an_error_that_is_a_guess_does_not_look_like_one_that_blocks(make_report):
    report = make_report(at(confidence=Confidence.LOW), at(severity=Severity.INCOMPLETE))
    assert [kind for kind, _, _ in as_the_runner_reads(render([report]))][1:] == ["error", "warning"]


def test_nothing_foreign_ends_a_command_or_begins_another(hostile):
    read = list(as_the_runner_reads(render([hostile])))
    assert len(read) == 1 + len(hostile.findings)
    for _, properties, message in read:
        assert set(properties) <= {"file", "line", "endLine", "col", "title"}
        assert all(character == "\n" or character.isprintable() for character in message)


def test_a_very_long_message_is_cut(make_report):
    _, (_, _, message) = as_the_runner_reads(render([make_report(at(message="x" * 1_000_000))]))
    assert len(message) == MAX_MESSAGE


@pytest.mark.parametrize("variable", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"])
def test_files_are_named_from_the_root_of_the_repository(make_report, tmp_path, monkeypatch, variable):
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    report = make_report(at(), place=tmp_path / "plugins" / "one")
    _, (_, properties, _) = as_the_runner_reads(render([report]))
    assert properties["file"] == "plugins/one/src/a.py"


def test_without_ci_the_root_is_where_the_command_was_started(make_report, tmp_path, monkeypatch):
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one").mkdir()
    for place, named in ((tmp_path / "one", "one/src/a.py"), (tmp_path, "src/a.py"), (tmp_path.parent, "src/a.py")):
        _, (_, properties, _) = as_the_runner_reads(render([make_report(at(), place=place)]))
        assert properties["file"] == named


def test_configuration_that_was_not_used_is_one_line_of_the_verdict(make_report):
    seen = [
        Finding("target-tool-config-ignored", Severity.NOTICE, Confidence.HIGH, Location(path, line), "not used")
        for path, line in (("mypy.ini", 1), ("pyproject.toml", 7), ("pyproject.toml", 9))
    ]
    ((_, _, message),) = as_the_runner_reads(render([make_report(*seen)]))
    assert message.splitlines()[-1] == (
        "configuration of other tools, seen and not used: mypy.ini:1, pyproject.toml:7,9"
    )
