import json

import pytest

from theodore_plugin.cli import main
from theodore_plugin.rules.book import rule_book, rule_groups


def test_explain_shows_a_rules_documentation(capsys):
    assert main(["explain", "undeclared-permission"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# undeclared-permission")
    assert "## Use instead" in out


@pytest.mark.parametrize("arguments", [[], ["--all"]], ids=["nothing", "all"])
def test_without_a_rule_all_are_listed_by_group_with_level_and_who_may_silence_them(arguments, capsys):
    assert main(["explain", *arguments]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    for name, group in rule_groups().items():
        rule = rule_book()[name]
        [row] = [line for line in lines if line.split()[:1] == [name]]
        assert rule.severity.value in row
        assert rule.summary in row
        assert group in lines[: lines.index(row)]
    assert len([line for line in lines if line in set(rule_groups().values())]) == len(set(rule_groups().values()))
    assert "nobody: not at all" in out


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_the_list_and_a_page_fit_the_terminal(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    for arguments in (["--all"], ["known-vulnerability"], ["bandit/B602"]):
        assert main(["explain", *arguments]) == 0
        code = False
        for line in capsys.readouterr().out.splitlines():
            code ^= line.startswith("```")
            longest = max(map(len, line.split()), default=0)
            assert code or len(line) <= max(int(columns), longest + 8) or "`" in line or "ignore[" in line


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("undeclared-permision", "did you mean 'undeclared-permission'"),
        ("Undeclared_Permission", "did you mean 'undeclared-permission'"),
        ("xyzzy", "no rule"),
        ("bandti/B602", "did you mean 'bandit/B602'"),
        ("mypy/", "no rule"),
        ("/B602", "no rule"),
        ("", "no rule"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_explain_of_what_is_no_rule_is_2(name, says, form, capsys):
    assert main(["explain", name, "--output-format", form]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert "help: `theodore-plugin explain --all` lists all rules" in err


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bandit/B602", "It is reported as `shell-injection`"),
        ("bandit/B310", "https://bandit.readthedocs.io"),
        ("mypy/misc", "_refs.html#code-misc"),
        ("pip-audit/PYSEC-2024-60", "https://osv.dev/vulnerability/PYSEC-2024-60"),
        ("acme/E1", "whoever added that scanner documents it"),
    ],
    ids=["ours", "bandit", "mypy", "advisory", "custom"],
)
def test_rules_of_tools_are_explained_as_far_as_they_are_known(name, says, capsys):
    assert main(["explain", name]) == 0
    assert says in capsys.readouterr().out


def test_a_foreign_name_cannot_write_to_the_terminal(capsys):
    assert main(["explain", "acme/\x1b[2J\u202e"]) == 0
    assert "acme/<U+001B>[2J<U+202E>" in capsys.readouterr().out


def test_json_holds_everything_about_a_rule(capsys):
    assert main(["explain", "shell-injection", "--output-format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rule = rule_book()["shell-injection"]
    assert (told["schema"], told["name"], told["group"], told["severity"]) == (1, rule.name, "code", "error")
    assert told["silenced_by"] == "policy"
    assert told["bad"][0] == {"caption": rule.bad[0].caption, "code": rule.bad[0].code}


def test_json_lists_every_rule_once(capsys):
    assert main(["explain", "--all", "--output-format", "json"]) == 0
    names = [rule["name"] for rule in json.loads(capsys.readouterr().out)["rules"]]
    assert sorted(names) == sorted(rule_book())


def test_json_of_a_tools_rule_has_its_address(capsys):
    assert main(["explain", "mypy/override", "--output-format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["tool"], told["native"]) == ("mypy", "override")
    assert told["url"].endswith("#code-override")


def test_a_rule_and_all_together_are_refused(capsys):
    assert main(["explain", "shell-injection", "--all"]) == 2
    assert "not both" in capsys.readouterr().err
