"""``check --write-profile`` and ``check --profile``: one registry, two machines, the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk import PluginCategory

SNAPSHOT = Path(__file__).parents[2] / "data" / "advisories.jsonl"
POLICY = """\
schema: 1
name: acme
extends: default
advisories: {max_age_days: 3650}
audiences: {registry: {rules: {dynamic-code-execution: warning, description-or-readme-missing: error}}}
"""
RISKY = """

def risky(text: str) -> object:
    return eval(text)  # theodore: ignore[bandit/B307] reason="only ever called with what the user typed"
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    root = create_project(NewProject("page-notes", PluginCategory.EXPORTER, tmp_path))
    (root / "README.md").unlink(missing_ok=True)
    return root


def check(folder: Path, *arguments: str, home: Path) -> tuple[int, str, str]:
    """Run the program as another user on another machine would: a process, a state folder and a cache of its own."""
    environment = {**os.environ, "THEODORE_PLUGIN_HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    command = [sys.executable, "-m", "theodore_plugin", "check", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def without_times(text: str) -> str:
    """Return the JSON text with every measured time set to nothing, and not a byte else touched."""

    def still(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: 0 if key == "seconds" else value for key, value in pairs}

    return json.dumps(json.loads(text, object_pairs_hook=still), indent=2)


def rules(report: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in report["findings"]}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a registry wrote while it checked a plugin; its policy is gone since."""
    folder = tmp_path_factory.mktemp("registry")
    policy, profile = folder / "acme.yaml", folder / "registry.json"
    policy.write_text(POLICY)
    code, _, err = check(
        create_project(NewProject("page-notes", PluginCategory.EXPORTER, folder)),
        "--policy", str(policy), "--audience", "registry", "--advisories", str(SNAPSHOT),
        "--write-profile", str(profile), home=folder / "home",
    )  # fmt: skip
    assert "others follow them with --profile registry.json" in err, err
    assert code in {0, 1}
    policy.unlink()
    return profile.read_text()


@pytest.fixture
def profile(written: str, tmp_path: Path) -> Path:
    path = tmp_path / "registry.json"
    path.write_text(written)
    return path


def test_two_machines_with_one_profile_say_the_same(plugin: Path, profile: Path, tmp_path: Path) -> None:
    module = plugin / "src" / "page_notes" / "plugin.py"
    module.write_text(module.read_text() + RISKY)
    elsewhere = tmp_path / "another place" / "page-notes"
    shutil.copytree(plugin, elsewhere)
    arguments = ("--profile", str(profile), "--advisories", str(SNAPSHOT), "--output-format", "json")
    first, one, _ = check(plugin, *arguments, home=tmp_path / "one")
    second, two, _ = check(elsewhere, *arguments, home=tmp_path / "two")
    again, three, _ = check(elsewhere, *arguments, home=tmp_path / "two")
    assert first == second == again
    assert without_times(one) == without_times(two) == without_times(three)
    report = json.loads(one)
    assert report["profile"]["name"] == "registry"
    assert report["profile"]["differences"] == []
    assert report["policy"]["audience"] == "registry"
    levels = {finding["rule"]: finding["severity"] for finding in report["findings"]}
    assert levels["dynamic-code-execution"] == "warning"
    assert "profile-mismatch" not in levels


def test_what_the_project_says_does_not_count_and_is_said(plugin: Path, profile: Path, tmp_path: Path) -> None:
    pyproject = plugin / "pyproject.toml"
    pyproject.write_text(
        pyproject.read_text()
        + '\n[tool.theodore-plugin]\npolicy = "development"\nignore = ["dynamic-code-execution"]\n'
    )
    module = plugin / "src" / "page_notes" / "plugin.py"
    comment = '  # theodore: ignore[network-without-timeout] reason="it is fast"\n'
    code = f'\n\ndef fetch() -> bytes:\n    from urllib.request import urlopen\n    return urlopen("https://a.example"){comment}'
    module.write_text(module.read_text() + code)
    arguments = ("--profile", str(profile), "--advisories", str(SNAPSHOT), "--output-format", "json")
    _, out, _ = check(plugin, *arguments, home=tmp_path / "one")
    report = json.loads(out)
    said = [finding for finding in report["findings"] if finding["rule"] == "setting-overruled"]
    assert any("pyproject.toml" in one["message"] and "policy" in one["message"] for one in said)
    assert any("ignore" in one["message"] for one in said)
    assert any("network-without-timeout stays" in one["message"] for one in said)
    assert all(one["severity"] == "notice" for one in said)
    assert "network-without-timeout" in rules(report)
    assert (report["hidden"], report["baselined"], report["selection"]) == (0, [], None)


def test_differences_make_the_check_incomplete_and_name_the_remedy(plugin: Path, profile: Path, tmp_path: Path) -> None:
    document = json.loads(profile.read_text())
    document["scanners"]["mypy"] = "0.1"
    document["tool"]["python"] = "cpython 3.10"
    profile.write_text(json.dumps(document))
    arguments = ("--profile", str(profile), "--advisories", str(SNAPSHOT), "--output-format", "json")
    code, out, _ = check(plugin, *arguments, home=tmp_path / "one")
    assert code == 4
    report = json.loads(out)
    assert report["verdict"] == "incomplete"
    assert len(report["profile"]["differences"]) == 2
    helps = {finding["help"] for finding in report["findings"] if finding["rule"] == "profile-mismatch"}
    assert helps == {'pip install "mypy==0.1"', "run the check with cpython 3.10"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--write-profile", "p.json"), "has no digest"),
        (("--write-profile", "p.json", "--profile", "p.json"), "exclude each other"),
        (("--profile", "nowhere"), "there is no profile 'nowhere'"),
        (("--profile", "nowhere.json"), "cannot use the profile nowhere.json"),
    ],
    ids=["online", "both", "no-such-name", "no-such-file"],
)
def test_what_cannot_be_a_profile_is_explained(
    plugin: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    policy = tmp_path / "unaudited.yaml"
    policy.write_text("schema: 1\nname: unaudited\nextends: default\nscanners: {pip-audit: {required: false}}\n")
    code, _, err = check(plugin, "--policy", str(policy), *arguments, home=tmp_path / "one")
    assert code == 2
    assert says in err
    assert "help:" in err
    assert not (plugin / "p.json").exists()


def test_nothing_is_written_from_an_incomplete_check(plugin: Path, tmp_path: Path) -> None:
    policy = tmp_path / "needs.yaml"
    policy.write_text(POLICY + "scanners: {semgrep: {required: true}}\n")
    code, out, err = check(
        plugin,
        "--policy",
        str(policy),
        "--advisories",
        str(SNAPSHOT),
        "--write-profile",
        "p.json",
        home=tmp_path / "one",
    )
    assert code == 4
    assert "requires the scanner semgrep (needs.yaml:6)" in out
    assert "was not written: the check is incomplete" in err
    assert not (plugin / "p.json").exists()
