"""Every rule's own examples: documentation that is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from theodore_loader.policy import Policy, load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.contracts.catalogue import shipped_catalogue
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.rules.context import RuleModule
from theodore_plugin.rules.examples import example_files, installed, plugin

POLICY = load_policy("default")

CASES = [
    pytest.param(rule, example.code, fires, id=f"{rule.RULE.name}-{'bad' if fires else 'good'}-{number}")
    for rule in RULES
    for fires, examples in ((True, rule.RULE.bad), (False, rule.RULE.good))
    for number, example in enumerate(examples)
]


def found(code: str, folder: Path, policy: Policy = POLICY) -> set[str]:
    files = example_files(code)
    environment = installed(files, folder)
    hosts = files.pop("hosts.json", None)
    catalogue = shipped_catalogue().extended(json.loads(hosts)) if hosts else None
    project = PluginProject.from_files(files)
    return {finding.rule for finding in analyse(project, policy, RULES, catalogue, environment).findings}


def policy_of(code: str, folder: Path) -> Policy:
    """The policy an example brings along, or the default."""
    text = example_files(code).get("policy.yaml")
    if text is None:
        return POLICY
    (folder / "policy.yaml").write_bytes(text)
    return load_policy(folder / "policy.yaml")


@pytest.mark.parametrize(("rule", "code", "fires"), CASES)
def test_bad_examples_fire_and_good_ones_do_not(rule: RuleModule, code: str, fires: bool, tmp_path: Path) -> None:
    assert (rule.RULE.name in found(code, tmp_path, policy_of(code, tmp_path))) is fires


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.RULE.name)
def test_a_rule_is_documented_and_named_after_its_file(rule: RuleModule) -> None:
    text = rule.RULE
    assert len(text.bad) >= 2
    assert len(text.good) >= 2
    assert text.summary.endswith(".")
    assert text.why
    assert text.remedy
    assert rule.__name__.rpartition(".")[2] == text.name.replace("-", "_")  # type: ignore[attr-defined]


def test_rule_names_are_unique() -> None:
    names = [rule.RULE.name for rule in RULES]
    assert len(names) == len(set(names))


def test_the_project_around_the_examples_is_flawless(tmp_path: Path) -> None:
    assert found(plugin(), tmp_path) == set()
