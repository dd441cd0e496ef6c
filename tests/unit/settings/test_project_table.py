"""``[tool.theodore-plugin]``: everything a project may say, its schema, and what a stranger tries with it."""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.project import PluginProject
from theodore_plugin.settings import Options, Settings
from theodore_plugin.settings.project_table import project_voice
from theodore_plugin.settings.schema import PROJECT, keys, schema, tool_schema
from theodore_plugin.settings.toml_places import places

Make = Callable[..., PluginProject]
EVERYTHING = """\
[tool.theodore-plugin]
policy = "strict"
persona = "auditor"
advisories = "off"
select = ["permissions", "bandit/"]
ignore = ["unused-permission"]
min-severity = "warning"
min-confidence = "medium"
baseline = "baseline.json"
as-library = true
platforms = ["linux-x86_64", "macos-arm64"]
"""


def test_every_key_is_heard_with_its_line(make: Make) -> None:
    voice = project_voice(make(EVERYTHING))
    assert set(voice.says) == {key.replace("-", "_") for key in keys(PROJECT)}
    assert voice.says["min_severity"].origin == "pyproject.toml:11"
    assert voice.says["select"].value == ("permissions", "bandit/")
    assert voice.says["baseline"].value.name == "baseline.json"


def test_dotted_and_inline_tables_mean_the_same(make: Make) -> None:
    inline = project_voice(make('[tool]\ntheodore-plugin = {policy = "strict"}\n'))
    dotted = project_voice(make('[tool]\ntheodore-plugin.policy = "strict"\n'))
    assert inline.says["policy"].value == dotted.says["policy"].value == "strict"
    assert inline.says["policy"].origin.startswith("pyproject.toml:")


def test_places_are_those_of_the_table_alone() -> None:
    table = '[ tool . "theodore-plugin" ] # ours\n# policy = "no"\n  policy = "y"\n'
    text = f'[tool.other]\npolicy = "x"\n\n{table}[a]\npersona=1\n'
    assert places(text, "tool.theodore-plugin") == {"": (4, 1), "policy": (6, 3)}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('min_severity = "error"', "has no key 'min_severity'; did you mean 'min-severity'?"),
        ('select = "permissions"', "select is a list, not 'permissions'"),
        ("select = [1]", "is text in quotes, not 1"),
        ('select = ["a b"]', "'a b' is no name of a rule"),
        ('min-severity = "warn"', "did you mean 'warning'?"),
        ('as-library = "yes"', "as-library is true or false, not 'yes'"),
        ('baseline = "../../etc/passwd"', "the baseline '../../etc/passwd' lies outside the project"),
        ('policy = "/etc/passwd"', "the policy '/etc/passwd' lies outside the project"),
        ('platforms = ["linux-x86-64"]', "platforms is one of linux-x86_64, linux-aarch64"),
        ("platforms = []", "platforms"),
        ('audience = "author"', "has no key 'audience'"),
        ('profile = "registry"', "has no key 'profile'"),
        ('environment = "."', "has no key 'environment'"),
        ('advisories = "snapshot.jsonl"', "advisories is one of online, local, off"),
    ],
)
def test_what_a_project_may_not_say(make: Make, line: str, says: str) -> None:
    with pytest.raises(ConfigurationProblem) as refused:
        Settings.load(make(f"[tool.theodore-plugin]\n{line}\n"))
    assert says in refused.value.message
    assert refused.value.message.startswith("pyproject.toml:6")
    assert refused.value.help


def test_a_link_out_of_the_project_is_outside(make: Make, tmp_path) -> None:
    project = make('[tool.theodore-plugin]\npolicy = "mine.yaml"\n')
    (tmp_path / "away.yaml").write_text("schema: 1\nname: away\n")
    (project.root / "mine.yaml").symlink_to(tmp_path / "away.yaml")
    with pytest.raises(ConfigurationProblem, match="outside the project"):
        Settings.load(PluginProject.open(project.root))


def test_the_command_line_overrules_and_the_settings_say_so(make: Make) -> None:
    settings = Settings.load(make(EVERYTHING.replace('baseline = "baseline.json"\n', "")), Options(policy="default"))
    policy = next(one for one in settings.decided if one.name == "policy")
    assert (policy.origin, policy.binding) == ("--policy", False)
    assert [one.origin for one in policy.overruled] == ["pyproject.toml:6"]


def test_the_schema_is_a_schema_and_accepts_everything() -> None:
    jsonschema.Draft7Validator.check_schema(dict(schema(PROJECT)))
    table = {
        "policy": "strict", "persona": "auditor", "advisories": "off", "select": ["permissions"], "ignore": ["bandit/"],
        "min-severity": "warning", "min-confidence": "high", "baseline": "b.json", "as-library": False,
        "platforms": ["linux-aarch64"],
    }  # fmt: skip
    assert set(table) == set(keys(PROJECT))
    jsonschema.Draft7Validator(schema(PROJECT)).validate(table)


def test_validate_pyproject_is_given_the_published_schema() -> None:
    published = json.loads((policies_dir() / "schemas" / "config.schema.json").read_bytes())
    assert tool_schema("theodore-plugin") == published


def test_the_real_validate_pyproject_uses_it() -> None:
    api = pytest.importorskip("validate_pyproject.api", reason="validate-pyproject is not installed")
    plugins = pytest.importorskip("validate_pyproject.plugins")
    found = importlib.metadata.entry_points(group="validate_pyproject.tool_schema", name="theodore-plugin")
    assert found, "the distribution names its schema"
    mine = plugins.PluginWrapper("theodore-plugin", next(iter(found)).load())
    validator = api.Validator(plugins=[mine])
    project = {"project": {"name": "demo", "version": "1"}}
    good = {**project, "tool": {"theodore-plugin": {"policy": "strict", "min-severity": "error"}}}
    assert validator(good)
    with pytest.raises(Exception, match="persona"):
        validator({**project, "tool": {"theodore-plugin": {"persona": "boss"}}})


@pytest.mark.parametrize("extends", ["../away.yaml", "/dev/zero", "links/away.yaml", "sub/../../away.yaml"])
def test_what_its_policy_extends_stays_inside_the_project(make: Make, tmp_path: Path, extends: str) -> None:
    project = make('[tool.theodore-plugin]\npolicy = "mine.yaml"\n')
    (tmp_path / "away.yaml").write_text("schema: 1\nname: away\n")
    (project.root / "links").symlink_to(tmp_path)
    (project.root / "sub").mkdir()
    (project.root / "mine.yaml").write_text(f"schema: 1\nname: mine\nextends: {extends}\n")
    with pytest.raises(ConfigurationProblem, match="outside the project") as refused:
        Settings.load(PluginProject.open(project.root))
    assert "--policy FILE" in (refused.value.help or "")
    assert Settings.load(project, Options(policy="default")).policy.name == "default"


def test_its_policy_may_extend_its_own_and_built_in_ones(make: Make) -> None:
    project = make('[tool.theodore-plugin]\npolicy = "mine.yaml"\n')
    (project.root / "sub").mkdir()
    (project.root / "sub" / "base.yaml").write_text("schema: 1\nname: base\nextends: strict\n")
    (project.root / "mine.yaml").write_text("schema: 1\nname: mine\nextends: sub/base.yaml\n")
    assert Settings.load(PluginProject.open(project.root)).policy.limits.max_memory_mb == 512


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_a_policys_place_does_not_hold_the_check_up(make: Make) -> None:
    project = make('[tool.theodore-plugin]\npolicy = "mine.yaml"\n')
    os.mkfifo(project.root / "mine.yaml")
    with pytest.raises(ConfigurationProblem, match="no ordinary file"):
        Settings.load(project)
