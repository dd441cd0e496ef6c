"""Substitution: which differences from a contract break its callers, and which do not."""

from __future__ import annotations

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse, build_context
from theodore_plugin.contracts.catalogue import shipped_contracts
from theodore_plugin.contracts.model import ContractParameter
from theodore_plugin.contracts.signature import signature_problem
from theodore_plugin.facts import model as m
from theodore_plugin.facts.from_libcst import lower
from theodore_plugin.project import PluginProject, SourceFile
from theodore_plugin.rules.examples import METHODS, example_files, plugin

POLICY = load_policy("default")


def parameters(source: str) -> tuple[m.Parameter, ...]:
    facts = lower(SourceFile.of("x.py", "x", f"def f({source}): pass\n".encode()))
    assert isinstance(facts, m.ModuleFacts)
    function = facts.body[0]
    assert isinstance(function, m.Function)
    return function.parameters


def wanted(source: str) -> tuple[ContractParameter, ...]:
    kinds = {
        "positional": "positional_or_keyword",
        "positional-only": "positional_only",
        "keyword": "keyword_only",
        "*": "var_positional",
        "**": "var_keyword",
    }
    return tuple(ContractParameter(p.name, kinds[p.kind], p.default is not None, None) for p in parameters(source))


FITS = [
    ("a, b", "a, b"),
    ("a, b", "a, b=1"),
    ("a", "a, *, c=1"),
    ("a, b=1", "a, b=2, c=3"),
    ("a, b", "*args, **kwargs"),
    ("a, /", "other, /"),
    ("a, /", "other"),
    ("a, *, k", "a, k"),
    ("a, *, k=1", "a, **kw"),
    ("*args", "*rest"),
    ("**kw", "a=1, **kw"),
    ("", "a=1"),
]
BREAKS = [
    ("a, b", "a"),
    ("a, b", "b, a"),
    ("a", "x"),
    ("a", "a, b"),
    ("a", "a, /"),
    ("a=1", "a"),
    ("a", "*args"),
    ("a, *, k", "a"),
    ("a, *, k=1", "a, *, k"),
    ("a", "a, *, must"),
    ("*args", "a"),
    ("**kw", "a=1"),
    ("a, b", "new, a, b"),
]


@pytest.mark.parametrize(("contract", "own"), FITS)
def test_signatures_that_take_every_call_fit(contract: str, own: str) -> None:
    assert signature_problem(parameters(own), wanted(contract)) is None


@pytest.mark.parametrize(("contract", "own"), BREAKS)
def test_signatures_that_refuse_some_call_do_not_fit(contract: str, own: str) -> None:
    assert signature_problem(parameters(own), wanted(contract))


def rules(code: str, **more: str) -> list[str]:
    files = {**example_files(code), **{path: text.encode() for path, text in more.items()}}
    interface = {"missing-method", "signature-mismatch", "async-mismatch", "unknown-hook", "kind-mismatch"}
    return [item.rule for item in analyse(PluginProject.from_files(files), POLICY).findings if item.rule in interface]


def test_inherited_methods_count() -> None:
    without = METHODS.replace("async def cleanup(self) -> None:\n        await self.client.aclose()", "x = 1")
    base = "class Cleaner:\n    async def cleanup(self) -> None:\n        pass\n"
    code = plugin(without, base="Cleaner, ScraperPlugin", extra="from demo.base import Cleaner\n")
    assert rules(code, **{"demo/base.py": base}) == []


def test_a_third_party_base_may_implement_anything() -> None:
    without = METHODS.replace("async def cleanup(self) -> None:\n        await self.client.aclose()", "x = 1")
    assert rules(plugin(without, base="Mixin, ScraperPlugin", extra="from httpx import Mixin\n")) == []


def test_an_inherited_mismatch_is_shown_where_it_is_written() -> None:
    base = "class Cleaner:\n    def cleanup(self, now):\n        pass\n"
    without = METHODS.replace("async def cleanup(self) -> None:\n        await self.client.aclose()", "x = 1")
    code = plugin(without, base="Cleaner, ScraperPlugin", extra="from demo.base import Cleaner\n")
    files = {**example_files(code), "demo/base.py": base.encode()}
    found = [f for f in analyse(PluginProject.from_files(files), POLICY).findings if f.rule.endswith("-mismatch")]
    assert {str(item.location).rpartition(":")[0] for item in found} == {"demo/base.py:2"}
    assert {item.rule for item in found} == {"async-mismatch", "signature-mismatch"}


PORT = "WebScraper"


def test_a_provided_port_is_held_to_its_contract() -> None:
    code = plugin(provides='{"WebScraper": "demo.port:Scraper"}')
    found = rules(code, **{"demo/port.py": "class Scraper:\n    pass\n"})
    abstract = [item for item in shipped_contracts().ports[PORT].methods.values() if item.abstract]
    assert found == ["missing-method"] * len(abstract)
    assert len(abstract) == 8


def test_an_async_generator_implements_a_streaming_method() -> None:
    streams = [
        (port, method)
        for port in shipped_contracts().ports.values()
        for method in port.methods.values()
        if method.streams and method.kind == "async"
    ]
    assert streams
    port, method = streams[0]
    arguments = ", ".join(["self", *(p.name + ("=None" if p.default else "") for p in method.parameters)])
    source = f"class Impl:\n    async def {method.name}({arguments}):\n        yield 1\n"
    files = {**example_files(plugin(provides=f'{{"{port.name}": "demo.port:Impl"}}')), "demo/port.py": source.encode()}
    context = build_context(PluginProject.from_files(files), POLICY)
    assert not [item for item in context.mismatches if item.subject == f"Impl.{method.name}"]
