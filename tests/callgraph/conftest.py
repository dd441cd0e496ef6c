"""For call-graph tests: the graph of a few files, as pairs of nodes without those of builtins."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from theodore_plugin.facts.from_libcst import lower
from theodore_plugin.facts.model import ModuleFacts
from theodore_plugin.facts.names import Names
from theodore_plugin.inference.callgraph import call_graph
from theodore_plugin.inference.capabilities import shipped_map
from theodore_plugin.project import SourceFile

Edges = frozenset[tuple[str, str]]


def module_of(path: str) -> str:
    """Return the import name of a file; the folder itself is the root of imports."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _facts(path: str, data: bytes) -> ModuleFacts:
    lowered = lower(SourceFile.of(path, module_of(path), data))
    assert isinstance(lowered, ModuleFacts), lowered
    return lowered


def edges_of(files: Mapping[str, bytes]) -> Edges:
    """Return who may call whom; what Python itself provides is left out."""
    names = Names({module_of(path): _facts(path, data) for path, data in files.items()})
    graph = call_graph(names, shipped_map())
    found = {(caller, callee) for caller, callees in graph.items() for callee in callees}
    return frozenset(edge for edge in found if not edge[1].startswith("<builtin>"))


@pytest.fixture
def edges() -> Callable[[Mapping[str, bytes]], Edges]:
    """Give tests the function that builds a call graph."""
    return edges_of
