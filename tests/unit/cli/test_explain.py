import pytest

from theodore_plugin.cli import main
from theodore_plugin.rules.book import rule_book


def test_explain_shows_a_rules_documentation(capsys):
    assert main(["explain", "undeclared-permission"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# undeclared-permission")
    assert "## Use instead" in out


def test_explain_without_a_rule_lists_them_all(capsys):
    assert main(["explain"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in rule_book())


@pytest.mark.parametrize(
    ("name", "says"),
    [("undeclared-permision", "did you mean 'undeclared-permission'"), ("xyzzy", "no rule"), ("mypy/misc", "of mypy")],
)
def test_explain_of_what_is_no_rule_is_2(name, says, capsys):
    assert main(["explain", name]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "help: " in err
