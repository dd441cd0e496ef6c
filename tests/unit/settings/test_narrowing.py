from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.engine.baseline_file import Entry, write_baseline
from theodore_plugin.project import PluginProject
from theodore_plugin.settings import Options, Settings


@pytest.fixture
def opened(tmp_path, monkeypatch):
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))

    def open_project(table=""):
        root = tmp_path / "project"
        (root / "src" / "demo").mkdir(parents=True)
        (root / "src" / "demo" / "__init__.py").write_text("")
        (root / "pyproject.toml").write_text(
            f'[project]\nname = "demo"\nversion = "1"\n\n[tool.theodore-plugin]\n{table}\n'
        )
        return PluginProject.open(root)

    return open_project


@pytest.fixture
def baseline(tmp_path):
    path = tmp_path / "baseline.json"
    write_baseline(path, {"demo": [Entry("1" * 32, "weak-crypto", "a.py", "md5")]})
    return path


def test_nothing_said_leaves_everything_in(opened):
    settings = Settings.load(opened())
    assert (settings.selection, settings.baseline) == (None, None)


def test_the_command_line_selects_and_names_a_baseline(opened, baseline):
    options = Options(select=("permissions",), min_severity="warning", baseline=baseline)
    settings = Settings.load(opened(), options)
    assert settings.selection.asked == ("--select permissions",)
    assert not settings.selection.authors
    assert [entry.rule for entry in settings.baseline.entries] == ["weak-crypto"]
    assert not settings.baseline.authors


def test_what_the_project_says_about_itself_is_its_authors_word(opened):
    settings = Settings.load(opened('ignore = ["weak-crypto"]'))
    assert settings.selection.authors


def test_scanners_and_tools_a_policy_names_can_be_selected(opened):
    assert Settings.load(opened(), Options(ignore=("mypy/,pip-audit/,bandit/B101",))).selection.narrows


def test_a_misspelt_rule_is_a_mistake_of_usage(opened):
    with pytest.raises(ConfigurationProblem, match="did you mean 'weak-crypto'"):
        Settings.load(opened(), Options(ignore=("weak-cripto",)))


def test_whoever_signs_looks_at_everything(opened, baseline):
    settings = Settings.load(opened('ignore = ["weak-crypto"]'), Options(baseline=baseline, as_library=True)).whole()
    assert (settings.selection, settings.baseline, settings.as_library) == (None, None, False)


def test_a_baseline_that_is_not_there_is_named(opened):
    with pytest.raises(ConfigurationProblem, match="cannot read the baseline"):
        Settings.load(opened(), Options(baseline=Path("gone.json")))
