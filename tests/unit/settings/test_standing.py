"""``config.toml``: what the organisation holds everybody to, and what the user prefers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.advisories.source import Kind
from theodore_plugin.project import PluginProject
from theodore_plugin.settings import Options, Persona, Settings
from theodore_plugin.settings.standing import standing_file

Make = Callable[..., PluginProject]
TABLE = '[tool.theodore-plugin]\npolicy = "development"\npersona = "regular"\n'


def decided(settings: Settings, name: str):
    return next(one for one in settings.decided if one.name == name)


def test_the_organisation_beats_the_command_line_and_the_project(home: Path, make: Make) -> None:
    (home / "acme.yaml").write_text("schema: 1\nname: acme\nextends: strict\n")
    (home / "config.toml").write_text('# ours\n[organisation]\npolicy = "acme.yaml"\n')
    settings = Settings.load(make(TABLE), Options(policy="default"))
    assert settings.policy.name == "acme"
    policy = decided(settings, "policy")
    assert policy.binding
    assert policy.origin == f"{home / 'config.toml'}:3"
    assert [(one.value, one.origin) for one in policy.overruled] == [
        ("default", "--policy"),
        ("development", "pyproject.toml:6"),
    ]


def test_defaults_count_where_nobody_says_otherwise(home: Path, make: Make) -> None:
    (home / "config.toml").write_text('[defaults]\npolicy = "strict"\npersona = "auditor"\nadvisories = "off"\n')
    assert Settings.load(make()).policy.name == "strict"
    assert Settings.load(make()).persona is Persona.AUDITOR
    assert Settings.load(make()).advisories.kind is Kind.OFF
    mine = Settings.load(make(TABLE), Options(advisories="online"))
    assert (mine.policy.name, mine.persona, mine.advisories.kind) == ("development", Persona.REGULAR, Kind.ONLINE)
    assert not decided(mine, "policy").binding


def test_no_file_says_nothing(make: Make) -> None:
    settings = Settings.load(make())
    assert {one.origin for one in settings.decided} == {"default"}
    assert ("file", str(standing_file())) in settings.inputs


def test_a_file_may_be_named(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "elsewhere.toml"
    other.write_text('[organisation]\npolicy = "strict"\n')
    monkeypatch.setenv("THEODORE_PLUGIN_CONFIG", str(other))
    assert Settings.load(make()).policy.name == "strict"
    other.unlink()
    with pytest.raises(ConfigurationProblem, match="THEODORE_PLUGIN_CONFIG names"):
        Settings.load(make())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'[organization]\npolicy = "strict"\n', "has no key 'organization'; did you mean 'organisation'?"),
        (b'[organisation]\npolcy = "strict"\n', "2:1: [organisation] has no key 'polcy'; did you mean 'policy'?"),
        (b"[organisation]\npolicy = 5\n", "2:1: [organisation] policy is text in quotes, not 5"),
        (b'[defaults]\npersona = "boss"\n', "persona is one of regular, auditor, not 'boss'"),
        (b'[organisation]\naudience = "hosts"\n', "did you mean 'host'?"),
        (b"[organisation\n", "config.toml"),
        (b"\xff\xfe", "cannot read"),
        (b"a = [" * 5000, "config.toml"),
        (b"# " + b"x" * 70_000, "larger than 65,536 bytes"),
        (b'[organisation]\npolicy = "gone.yaml"\n', "gone.yaml"),
    ],
    ids=[
        "american", "misspelt", "number", "persona", "audience", "not-toml", "not-utf8", "deep", "huge", "no-policy",
    ],
)  # fmt: skip
def test_a_wrong_file_is_explained(home: Path, make: Make, text: bytes, says: str) -> None:
    (home / "config.toml").write_bytes(text)
    with pytest.raises(ConfigurationProblem) as refused:
        Settings.load(make())
    assert says in refused.value.message
    assert refused.value.help


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_cannot_be_read_is_not_taken_for_none(home: Path, make: Make) -> None:
    (home / "config.toml").write_text('[organisation]\npolicy = "strict"\n')
    (home / "config.toml").chmod(0)
    with pytest.raises(ConfigurationProblem, match="cannot read"):
        Settings.load(make())


def test_a_folder_in_its_place_is_not_taken_for_none(home: Path, make: Make) -> None:
    (home / "config.toml").mkdir()
    with pytest.raises(ConfigurationProblem, match="cannot read"):
        Settings.load(make())


def test_an_audience_reads_the_policys_levels(home: Path, make: Make) -> None:
    (home / "acme.yaml").write_text("schema: 1\nname: acme\naudiences: {ci: {rules: {no-shutdown: error}}}\n")
    (home / "config.toml").write_text('[organisation]\npolicy = "acme.yaml"\naudience = "ci"\n')
    settings = Settings.load(make(), Options(audience="author"))
    assert settings.audience == "ci"
    assert settings.policy.rule("no-shutdown", "warning").level == "error"
    (home / "config.toml").write_text('[organisation]\npolicy = "acme.yaml"\n')
    assert Settings.load(make()).policy.digest != settings.policy.digest
    assert Settings.load(make(), Options(audience="author")).policy.digest == Settings.load(make()).policy.digest
