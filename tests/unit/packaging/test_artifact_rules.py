"""Every rule a wheel or a lock can be refused under can be explained, and names a policy may use."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import theodore_loader.artifact
import theodore_plugin.packaging
from theodore_plugin.rules.book import rule_book
from theodore_plugin.rules.packaging.refusals import ARTIFACT_RULES

RAISED = re.compile(r'(?:InvalidWheel|Refused)\(\s*"([a-z0-9-]+)"|rule="([a-z0-9-]+)"')


def raised_rules() -> set[str]:

    folders = [
        Path(inspect.getfile(package)).parent for package in (theodore_loader.artifact, theodore_plugin.packaging)
    ]
    sources = [path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.py")]
    return {"".join(match) for source in sources for match in RAISED.findall(source)}


def test_every_refusal_can_be_explained():
    assert raised_rules() >= {"record-mismatch", "not-a-wheel", "native-not-granted"}
    assert raised_rules() - set(rule_book()) == set()


def test_every_explanation_is_of_a_refusal_that_happens():
    assert {rule.name for rule in ARTIFACT_RULES} - raised_rules() == set()


def test_no_rule_is_explained_twice():
    names = [rule.name for rule in ARTIFACT_RULES]
    assert len(names) == len(set(names))
    assert all(rule_book()[rule.name] is rule for rule in ARTIFACT_RULES)
