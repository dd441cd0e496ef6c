"""Evasive snippets are all noticed, look-alikes are all left alone.

The snippets lie in ``evasive*.toml``, a file per family of tricks, each a small plugin module, or several introduced
by ``# file:`` lines.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.finding import Finding
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files

FOLDER = Path(__file__).parent
POLICY = load_policy("default")
TELLING = {
    "undeclared-permission",
    "undeclared-target",
    "unanalyzable-capability",
    "dynamic-code-execution",
    "dynamic-import",
    "sandbox-tampering",
    "invisible-or-bidi-characters",
    "host-monkeypatch",
}
IMPORTS_ALONE = "import os, sys, logging, json, operator, builtins, functools, types\n"


def snippets(table: str) -> dict[str, str]:
    """Read one table of every collection; a name stands for one snippet."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("evasive*.toml")):
        for name, code in tomllib.loads(path.read_text(encoding="utf-8")).get(table, {}).items():
            assert name not in found, f"{path.name}: {name!r} is there twice"
            found[name] = code
    return found


EVASIVE = snippets("evasive")
BENIGN = snippets("benign")
UNNOTICED = frozenset((FOLDER / "evasive_unnoticed.txt").read_text(encoding="utf-8").splitlines())
"""What is not noticed yet; each must fail, so that a hole that is closed leaves the list."""


def findings(code: str) -> list[Finding]:
    project = PluginProject.from_files(example_files(code))
    return [item for item in analyse(project, POLICY).findings if _in_snippet(item)]


def _in_snippet(item: Finding) -> bool:
    return item.location.path.startswith("demo/") and item.location.path != "demo/plugin.py"


def _case(name: str) -> Any:
    marks = [pytest.mark.xfail(strict=True, reason="not noticed yet")] if name in UNNOTICED else []
    return pytest.param(EVASIVE[name], id=name, marks=marks)


@pytest.mark.parametrize("code", [_case(name) for name in EVASIVE])
def test_an_evasive_snippet_is_noticed(code: str) -> None:
    assert {item.rule for item in findings(code)} & TELLING


@pytest.mark.parametrize("code", BENIGN.values(), ids=list(BENIGN))
def test_a_look_alike_is_left_alone(code: str) -> None:
    assert findings(code) == []


def test_importing_alone_is_not_what_gets_noticed() -> None:
    assert not {item.rule for item in findings(IMPORTS_ALONE)} & TELLING


def test_the_collections_are_large_enough_to_mean_something() -> None:
    assert len(EVASIVE) >= 600
    assert len(BENIGN) >= 80
    assert EVASIVE.keys() >= UNNOTICED
