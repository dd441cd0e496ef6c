"""What holds for every fix, tried on every case and example of every rule that has one."""

from __future__ import annotations

import json
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from rule_cases import CASES

from theodore_loader.policy import Policy, load_policy
from theodore_plugin.analysis import analyse, build_context
from theodore_plugin.contracts.catalogue import Catalogue, shipped_catalogue
from theodore_plugin.distributions.environment import Environment
from theodore_plugin.finding import Finding, Severity
from theodore_plugin.fixes.book import fixers
from theodore_plugin.fixes.combine import apply
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.rounds import EXPOSED
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import blocks
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.rules.examples import example_files, installed

DEFAULT = load_policy("default")
OTHER_COMMENTS = {"unused-permission", "unused-dependency", "permission-overbroad", "invisible-or-bidi-characters"}
"""What takes something out takes the comment behind it along; what is hidden may hide in a comment."""


@dataclass(frozen=True)
class Subject:
    """A project that a rule has something to say about."""

    rule: str
    title: str
    files: Mapping[str, bytes]


def subjects() -> Iterator[Subject]:
    for module in RULES:
        for number, example in enumerate(module.RULE.bad):
            yield Subject(module.RULE.name, f"bad example {number}", example_files(example.code))
    for case in CASES:
        if case.expected:
            yield Subject(case.rule, case.title, case.files)


SUBJECTS = [item for item in subjects() if item.rule in fixers()]


@dataclass
class Room:
    """Where one subject is checked."""

    policy: Policy
    catalogue: Catalogue
    environment: Environment | None

    def findings(self, files: Mapping[str, bytes]) -> tuple[Finding, ...]:
        project = PluginProject.from_files(files)
        return analyse(project, self.policy, RULES, self.catalogue, self.environment).findings

    def context(self, files: Mapping[str, bytes]) -> FixContext:
        project = PluginProject.from_files(files)
        return FixContext(build_context(project, self.policy, self.catalogue, self.environment))


def furnish(subject: Subject, folder: Path) -> tuple[Room, dict[str, bytes]]:
    files = dict(subject.files)
    environment = installed(files, folder / "site")
    policy, hosts = DEFAULT, files.pop("hosts.json", None)
    if "policy.yaml" in files:
        (folder / "policy.yaml").write_bytes(files["policy.yaml"])
        policy = load_policy(folder / "policy.yaml")
    catalogue = shipped_catalogue().extended(json.loads(hosts)) if hosts else shipped_catalogue()
    return Room(policy, catalogue, environment), files


def offered(finding: Finding, context: FixContext) -> Fix | None:
    """Ask for a fix without the net under it: anything but NoFix is a defect."""
    try:
        return fixers()[finding.rule].fix(finding, context)
    except NoFix:
        return None


def alike(findings: tuple[Finding, ...]) -> Counter[tuple[str, str, str]]:
    return Counter((item.rule, item.location.path, without_digits(item.message)) for item in findings)


def without_digits(text: str) -> str:
    return "".join("0" if letter.isdigit() else letter for letter in text)


def comments(data: bytes) -> Counter[str]:
    tokens = tokenize.tokenize(BytesIO(data).readline)
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda item: f"{item.rule}: {item.title}")
def test_a_fix_mends_what_it_is_for_and_nothing_else(subject: Subject, tmp_path: Path) -> None:
    room, files = furnish(subject, tmp_path)
    before = room.findings(files)
    context = room.context(files)
    for finding in before:
        fix = offered(finding, context) if finding.rule == subject.rule else None
        if fix is not None:
            changed = apply(files, [fix])
            holds_outside(files, changed, fix)
            keeps_comments(files, changed, finding)
            after = room.findings({**files, **changed})
            improves(finding, before, after)
            says_the_same(fix, files, context)


def holds_outside(files: Mapping[str, bytes], changed: Mapping[str, bytes], fix: Fix) -> None:
    """Taking the edits back gives the files as they were: no byte outside them was touched."""
    for path, data in changed.items():
        edits = sorted((item for item in dict.fromkeys(fix.edits) if item.path == path), key=lambda item: item.start)
        restored, position, shift = b"", 0, 0
        for edit in edits:
            start = edit.start + shift
            assert data[start : start + len(edit.after)] == edit.after
            restored += data[position:start] + edit.before
            position = start + len(edit.after)
            shift += len(edit.after) - len(edit.before)
        assert restored + data[position:] == files[path]


def keeps_comments(files: Mapping[str, bytes], changed: Mapping[str, bytes], finding: Finding) -> None:
    for path, data in changed.items():
        if path.endswith(".py") and finding.rule not in OTHER_COMMENTS:
            assert comments(files[path]) == comments(data)


def improves(finding: Finding, before: tuple[Finding, ...], after: tuple[Finding, ...]) -> None:
    old, new = alike(before), alike(after)
    (like,) = alike((finding,))
    assert new[like] < old[like], f"{like} is still reported"
    worse = [item for item in serious(after) - serious(before) if item[0] not in EXPOSED.get(finding.rule, ())]
    assert not worse, f"{finding.message}: {worse}"


def serious(findings: tuple[Finding, ...]) -> Counter[tuple[str, str]]:
    fails = (item for item in findings if blocks(item) or item.severity is Severity.INCOMPLETE)
    return Counter((item.rule, item.location.path) for item in fails)


def says_the_same(fix: Fix, files: Mapping[str, bytes], context: FixContext) -> None:
    """Safe fixes never add to what is asked for."""
    if fix.safe:
        changed = apply(files, [fix])
        asked = declared_in({**files, **changed})
        assert asked <= declared_in(files), "a safe fix asks for more"


@cache
def _declared(files: tuple[tuple[str, bytes], ...]) -> frozenset[tuple[str, str]]:
    context = build_context(PluginProject.from_files(dict(files)), DEFAULT)
    return frozenset((item.type.value, item.pattern) for item in context.declared)


def declared_in(files: Mapping[str, bytes]) -> frozenset[tuple[str, str]]:
    return _declared(tuple(sorted(files.items())))


def test_every_fix_is_tried_at_least_once(tmp_path: Path) -> None:
    tried = set()
    for number, subject in enumerate(SUBJECTS):
        if subject.rule not in tried:
            folder = tmp_path / str(number)
            folder.mkdir()
            room, files = furnish(subject, folder)
            context = room.context(files)
            if any(offered(item, context) for item in room.findings(files) if item.rule == subject.rule):
                tried.add(subject.rule)
    assert set(fixers()) - tried == set()
