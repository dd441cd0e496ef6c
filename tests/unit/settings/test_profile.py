"""A registry's profile: read strictly, followed to the letter, and every difference said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import theodore_loader
import theodore_plugin
import theodore_sdk
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy.load import policy_sources, stacked_policy
from theodore_plugin.advisories.source import Kind
from theodore_plugin.project import PluginProject
from theodore_plugin.settings import Options, Persona, Settings
from theodore_plugin.settings.profile import load_profile, profile_text
from theodore_plugin.settings.schema import schema
from theodore_plugin.settings.terms import AdvisoryTerms, Terms, differences, program_digest

Make = Callable[..., PluginProject]
TERMS = Terms(
    tool="1.2.3",
    code="e" * 64,
    rule_set="a" * 64,
    python="cpython 3.11",
    scanners={"bandit": "1.9.4", "mypy": "2.4.1"},
    policy="b" * 64,
    audience="registry",
    advisories=AdvisoryTerms("c" * 64, "2026-01-01"),
)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A profile of a policy that extends another one."""
    (tmp_path / "base.yaml").write_text("schema: 1\nname: base\nextends: strict\nrules: {no-shutdown: notice}\n")
    acme = tmp_path / "acme.yaml"
    acme.write_text(
        "schema: 1\nname: acme\nextends: base.yaml\naudiences: {registry: {rules: {no-shutdown: error}}}\n"
        "permissions: {network: {deny: [{pattern: evil.org, reason: no}]}}\n"
    )
    sources = policy_sources(acme)
    digest = stacked_policy([(one.label, one.data) for one in sources]).for_audience("registry").digest
    path = tmp_path / "registry.json"
    path.write_text(profile_text("registry", replace(TERMS, policy=digest), sources))
    for one in (acme, tmp_path / "base.yaml"):
        one.unlink()
    return path


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


def test_it_carries_its_whole_policy_with_reasons_and_places(published: Path) -> None:
    profile = load_profile(str(published))
    jsonschema.Draft7Validator(schema("profile")).validate(json.loads(published.read_text()))
    assert (profile.name, profile.policy.name, profile.terms.audience) == ("registry", "acme", "registry")
    assert profile.policy.rule("no-shutdown", "warning").level == "error"
    denied = [entry for rules in profile.policy.permissions.values() for entry in rules.deny]
    assert "acme.yaml:5" in {entry.location for entry in denied}
    assert any(entry.location.startswith("default.yaml:") and entry.reason for entry in denied)


def test_one_in_the_state_folder_goes_by_its_name(published: Path, home: Path, make: Make) -> None:
    (home / "profiles").mkdir()
    (home / "profiles" / "registry.json").write_bytes(published.read_bytes())
    assert Settings.load(make(), Options(profile="registry")).policy.name == "acme"
    with pytest.raises(ConfigurationProblem, match="no profile 'regstry'") as refused:
        Settings.load(make(), Options(profile="regstry"))
    assert "did you mean registry?" in (refused.value.help or "")


def test_nothing_else_has_a_say(published: Path, home: Path, make: Make) -> None:
    (home / "config.toml").write_text('[organisation]\npolicy = "development"\naudience = "author"\n')
    table = (
        '[tool.theodore-plugin]\npolicy = "development"\nignore = ["unused-permission"]\npersona = "auditor"\n'
        'baseline = "gone.json"\nas-library = true\n'
    )
    options = Options(
        profile=str(published),
        policy="default",
        select=("permissions",),
        min_confidence="high",
        baseline=Path("no.json"),
    )
    settings = Settings.load(make(table), options)
    assert (settings.policy.name, settings.audience, settings.persona) == ("acme", "registry", Persona.REGULAR)
    assert (settings.selection, settings.baseline, settings.as_library) == (None, None, False)
    assert not settings.incremental
    overruled = {(one.name, other.origin) for one in settings.decided for other in one.overruled if one.binding}
    assert overruled == {
        ("policy", f"{home / 'config.toml'}:2"),
        ("policy", "--policy"),
        ("policy", "pyproject.toml:6"),
        ("audience", f"{home / 'config.toml'}:3"),
        ("select", "--select"),
        ("ignore", "pyproject.toml:7"),
        ("persona", "pyproject.toml:8"),
        ("min_confidence", "--min-confidence"),
        ("baseline", "--baseline"),
        ("baseline", "pyproject.toml:9"),
        ("as_library", "pyproject.toml:10"),
    }


def test_where_the_data_lies_stays_the_users_word(published: Path, make: Make) -> None:
    data = published.with_name("data.jsonl")
    data.touch()
    settings = Settings.load(make(), Options(profile=str(published), advisories=str(data)))
    assert settings.advisories.kind is Kind.SNAPSHOT
    without = changed(published, lambda document: document.update(advisories=None))
    settings = Settings.load(make(), Options(profile=str(without), advisories=str(data)))
    assert settings.advisories.kind is Kind.OFF


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda document: document["policy"].update(digest="0" * 64), "the policy in it has the digest"),
        (lambda document: document["policy"]["files"].pop(), "the policy in it has the digest"),
        (lambda document: document["policy"]["files"][0].update(text="nonsense: ["), "acme.yaml"),
        (lambda document: document["policy"].update(files=[]), "policy.files"),
        (lambda document: document.update(audience="everybody"), "audience is one of"),
        (lambda document: document.pop("tool"), "'tool' is a required property"),
        (lambda document: document.update(scanner={}), "has no key 'scanner'; did you mean 'scanners'?"),
        (lambda document: document.update(schema=2), "schema"),
    ],
    ids=["other-digest", "half-a-policy", "no-policy", "empty", "audience", "missing", "misspelt", "newer"],
)
def test_a_profile_that_says_another_thing_than_it_carries_is_refused(
    published: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    with pytest.raises(ConfigurationProblem) as refused:
        load_profile(str(changed(published, change)))
    assert says in refused.value.message
    assert refused.value.help


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"\xff", b'{"schema": 1, "schema": 1}', b'{"a":' * 100_000, b" " * (4 * 1024 * 1024 + 1)],
    ids=["empty", "cut-off", "list", "bytes", "twice", "deep", "huge"],
)
def test_what_is_no_profile_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    with pytest.raises(ConfigurationProblem) as refused:
        load_profile(str(path))
    assert str(path) in refused.value.message
    assert refused.value.help


def test_the_same_terms_have_no_differences() -> None:
    assert list(differences(TERMS, TERMS, {})) == []
    assert list(differences(TERMS, replace(TERMS, advisories=None), {})) == []  # nothing was asked
    assert list(differences(replace(TERMS, advisories=None), TERMS, {})) == []


@pytest.mark.parametrize(
    ("here", "says", "remedy"),
    [
        (replace(TERMS, tool="1.2.4"), "theodore-plugin differs: the profile has 1.2.3", "theodore-plugin==1.2.3"),
        (replace(TERMS, code="d" * 64), "the code of theodore-plugin 1.2.3 differs", "--force-reinstall"),
        (replace(TERMS, rule_set="d" * 64), "the rule set differs", "--capability-map"),
        (replace(TERMS, python="cpython 3.13"), "Python differs", "cpython 3.11"),
        (replace(TERMS, policy="d" * 64), "the policy differs", "fetch the profile again"),
        (replace(TERMS, scanners={"bandit": "1", "mypy": "2.4.1"}), "bandit differs", 'pip install "bandit==1.9.4"'),
        (replace(TERMS, scanners={"bandit": "1.9.4", "mypy": "2"}), "mypy differs", '"mypy-of-another-name==2.4.1"'),
        (replace(TERMS, scanners={"bandit": "1.9.4"}), "mypy differs: the profile has 2.4.1", "no others"),
        (replace(TERMS, scanners={**TERMS.scanners, "own": "1"}), "own differs: the profile has not run", "no others"),
        (replace(TERMS, advisories=AdvisoryTerms("d" * 64, "2026-02-02")), "data of 2026-01-01", "--advisories FILE"),
        (replace(TERMS, advisories=AdvisoryTerms("")), "a service without a digest", "--advisories FILE"),
        (replace(TERMS, environment=True), "the dependencies' code differs", "leave --environment out"),
    ],
    ids=[
        "tool", "build", "rules", "python", "policy", "scanner", "scanner-by-another-name", "scanner-missing",
        "scanner-more", "data", "online", "environment",
    ],
)  # fmt: skip
def test_each_difference_is_said_with_its_remedy(here: Terms, says: str, remedy: str) -> None:
    [difference] = differences(TERMS, here, {"mypy": "mypy-of-another-name"})
    assert says in difference.message
    assert remedy in difference.help


def test_the_digest_of_the_program_does_not_depend_on_where_it_is(tmp_path: Path) -> None:
    program_digest.cache_clear()
    here = program_digest()
    for package in (theodore_plugin, theodore_loader, theodore_sdk):
        folder = Path(str(package.__file__)).parent
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("__pycache__", "_data"))
    (tmp_path / "theodore_plugin" / "_data" / "templates").mkdir(parents=True)
    (tmp_path / "theodore_plugin" / "_data" / "templates" / "plugin.py").write_text("# shipped inside a wheel\n")
    code = "from theodore_plugin.settings.terms import program_digest; print(program_digest())"
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-S", "-c", f"import sys; sys.path += {sys.path!r}; {code}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == here
