"""Source written to confuse the comparison ends in findings or in "cannot be said", soon, and never in a crash."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import build_context
from theodore_plugin.contracts.catalogue import shipped_contracts
from theodore_plugin.contracts.compare import compare
from theodore_plugin.facts.names import OwnClass
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.rules.examples import example_files, plugin

POLICY = load_policy("default")
INTERFACE = [rule for rule in RULES if rule.__name__.split(".")[2] == "interface"]  # type: ignore[attr-defined]
PORT = plugin(provides='{"WebScraper": "demo.port:Port"}')


def findings(source: str) -> list[str]:
    """The interface rules' answers over a port implementation."""
    files = {**example_files(PORT), "demo/port.py": source.encode()}
    context = build_context(PluginProject.from_files(files), POLICY)
    return [finding.rule for rule in INTERFACE for finding in rule.check(context)]


def deep(size: int) -> str:
    chain = "".join(f"class C{n}(C{n - 1}): ...\n" for n in range(1, size))
    return f"class C0: ...\n{chain}class Port(C{size - 1}): ...\n"


def wide(size: int) -> str:
    bases = [f"B{n}" for n in range(size)]
    return "".join(f"class {name}: ...\n" for name in bases) + f"class Port({', '.join(bases)}): ...\n"


def nested(size: int) -> str:
    tests = "".join(f"{'  ' * n} if x{n}:\n" for n in range(size))
    return f"class Port:\n{tests}{'  ' * size}   def scrape_page(self): ...\n"


def branches(size: int) -> str:
    pair = "    if c{n}:\n        def scrape_page(self, a{n}): ...\n    else:\n        scrape_page = None\n"
    return "class Port:\n" + "".join(pair.replace("{n}", str(n)) for n in range(size))


def returning(annotation: str) -> str:
    return f"class Port:\n    async def validate_url(self, url) -> {annotation}: ...\n"


HOSTILE = {
    **tomllib.loads((Path(__file__).parent / "hostile.toml").read_text(encoding="utf-8")),
    "deep": deep(150),
    "wide": wide(200),
    "nested": nested(40),
    "branches": branches(60),
    "an endless union": returning(" | ".join(["int"] * 200)),
    "a deep string annotation": returning("'" + "list[" * 150 + "]" * 150 + "'"),
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_classes_get_an_answer(source: str) -> None:
    found = findings(source)
    assert set(found) & {"missing-method", "unprovable-interface", "inconsistent-mro"}


@pytest.mark.parametrize(("size", "seconds"), [(2_000, 5.0)])
def test_a_large_class_is_compared_in_time(size: int, seconds: float) -> None:
    methods = "".join(f"    async def step_{n}(self, a, b=1): ...\n" for n in range(size))
    files = {**example_files(PORT), "demo/port.py": f"class Port:\n{methods}".encode()}
    context = build_context(PluginProject.from_files(files), POLICY)
    cls = context.own_class("demo.port:Port")
    assert isinstance(cls, OwnClass)
    started = time.process_time()
    members = context.members(cls)
    assert members is not None
    found = list(compare(members, shipped_contracts().ports["WebScraper"]))
    assert [item.rule for item in found] == ["missing-method"] * 8
    assert time.process_time() - started < seconds


def test_the_order_of_what_is_found_is_the_same_every_time() -> None:
    assert findings(branches(9)) == findings(branches(9))
