"""``policy explain``: what is decided about one plugin, and by which line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.cli import main
from theodore_plugin.policies.explaining import Decision, Subject, explain
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.book import rule_book
from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk import PluginCategory

Write = Callable[..., Path]
POLICY = """\
schema: 1
name: acme
extends: default
permissions:
  network: {allow: ["*.acme.org"]}
limits: {max_memory_mb: 200}
rules: {dynamic-code-execution: notice}
categories:
  exporter:
    limits: {max_memory_mb: 100}
exceptions:
  - {plugin: page-notes, rules: [dynamic-code-execution], reason: seen, owner: sec, until: 2026-06-30}
  - {plugin: page-notes, rules: [shell-injection], reason: old, owner: sec, until: 2025-06-30}
  - {plugin: other, rules: [shell-injection], reason: theirs, owner: sec, until: 2027-06-30}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A generated exporter that also calls out, reads a variable and evaluates text."""
    root = create_project(NewProject("page-notes", PluginCategory.EXPORTER, tmp_path))
    code = "import os\nimport urllib.request\n\n\ndef risky(text: str) -> object:\n"
    code += (
        '    urllib.request.urlopen("https://api.example.com/x")\n    os.environ["PAGE_KEY"]\n    return eval(text)\n'
    )
    (root / "src" / "page_notes" / "extra.py").write_text(code)
    return root


def decided(plugin: Path, policy: Path) -> dict[tuple[str, str], Decision]:
    project, used = PluginProject.open(plugin), load_policy(policy)
    subject = Subject(project, analyse(project, used), rule_book())
    return {(one.group, one.about): one for one in explain(subject, used, date(2026, 6, 1))}


def test_every_decision_names_its_line(plugin: Path, write: Write) -> None:
    found = decided(plugin, write(POLICY))
    network = found["inferred permission", "network connect api.example.com:443"]
    assert (network.says, network.place) == ("refused", "acme.yaml:5")
    assert network.reason.startswith("not declared; no allow entry covers it")
    variable = found["inferred permission", "environment read PAGE_KEY"]
    assert variable.says == "allowed"
    assert variable.place.startswith("default.yaml:")
    memory = found["limit", "max_memory_mb"]
    assert (memory.says, memory.place) == ("100", "acme.yaml:10")
    handles = found["limit", "max_file_handles"]
    assert handles.place.startswith("default.yaml:")
    level = found["rule", "dynamic-code-execution"]
    assert (level.says, level.place) == ("notice", "acme.yaml:7")
    own = found["rule", "undeclared-permission"]
    assert (own.says, own.place) == ("error", "")
    assert "at its own level" in own.reason


def test_exceptions_of_this_plugin_are_shown_with_their_state(plugin: Path, write: Write) -> None:
    found = [one for (group, _), one in decided(plugin, write(POLICY)).items() if group == "exception"]
    assert [(one.about, one.says, one.place) for one in found] == [
        ("dynamic-code-execution", "until 2026-06-30", "acme.yaml:12"),
        ("shell-injection", "expired on 2025-06-30", "acme.yaml:13"),
    ]
    assert found[0].reason == "seen (sec); it is about 1 finding"


def test_the_command_prints_text_and_json(plugin: Path, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    policy = write(POLICY)
    assert main(["policy", "explain", str(plugin), "--policy", str(policy)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"page-notes under policy acme  sha256:{load_policy(policy).digest}\n")
    assert "  network connect api.example.com:443  refused: not declared; no allow entry covers it" in out
    arguments = ["policy", "explain", str(plugin), "--policy", str(policy), "--output-format", "json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["policy"] == {"name": "acme", "digest": load_policy(policy).digest}
    assert {one["group"] for one in document["decisions"]} <= {
        "declared permission",
        "inferred permission",
        "limit",
        "rule",
        "exception",
    }


def test_a_needed_permission_that_is_refused_is_exit_5(
    plugin: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    module = plugin / "src" / "page_notes" / "plugin.py"
    text = module.read_text()
    declared = 'permissions=[PluginPermission(PermissionType.SUBPROCESS, "Runs git", pattern="git")],'
    changed = text.replace("permissions=[],", declared).replace(
        "from theodore_sdk import (", "from theodore_sdk import (\n    PermissionType,\n    PluginPermission,"
    )
    assert declared in changed, "the generated plugin declares nothing"
    module.write_text(changed)
    assert main(["policy", "explain", str(plugin), "--policy", str(write(POLICY))]) == 5
    assert "subprocess git  refused: no subprocess permission is allowed" in capsys.readouterr().out


def test_what_cannot_be_opened_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "explain", str(tmp_path / "gone")]) == 2
    assert "help:" in capsys.readouterr().err
