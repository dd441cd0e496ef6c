import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.report.foreign_rules import foreign_page


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ruff/F401", "defined in a file (`check --scanner FILE`) or in a policy (`scanners: ruff:`)"),
        ("ruff/F401", 'theodore: ignore[ruff/F401] reason="..."'),
        ("ruff/F401", "rules: { ruff/F401: off }"),
        ("secrets/github-token", "reported as `hardcoded-secret`"),
        ("bandit/B602", "reported as `shell-injection`"),
        ("mypy/arg-type", "https://mypy.readthedocs.io/"),
    ],
    ids=["origin", "silencing", "level", "secrets", "bandit", "mypy"],
)
def test_a_rule_of_a_scanner_says_where_it_comes_from(name, says):
    assert says in foreign_page(name)


def test_a_name_that_ours_stands_for_is_not_silenced_by_itself():
    assert "ignore[" not in foreign_page("bandit/B602")


@pytest.mark.parametrize("name", ["ruff", "ruff/", "/F401", ""])
def test_what_is_no_such_name_is_refused(name):
    with pytest.raises(ConfigurationProblem, match="is no rule"):
        foreign_page(name)
