"""The call graph of a set of modules: which function may call which.

Nodes are named as call-graph benchmarks name them (PyCG, ICSE 2021): ``main``, ``main.func``,
``main.Cls.method``, ``main.<lambda1>``, ``ext.Cls.method`` for foreign code, ``<builtin>.len``, and
``<**PyStr**>.join`` for methods of strings and dicts that are known to be such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names
from theodore_plugin.facts.room import deep_recursion
from theodore_plugin.inference.capabilities import CapabilityMap
from theodore_plugin.inference.knowledge import Knowledge
from theodore_plugin.inference.record import SeenCall
from theodore_plugin.inference.resolve import semantics
from theodore_plugin.inference.solver import Solver
from theodore_plugin.inference.values import PLAIN, Container, Text, Value

_DICT = ("Mapping", "DictComp")


@deep_recursion()
def call_graph(names: Names, capabilities: CapabilityMap) -> Mapping[str, tuple[str, ...]]:
    """Return for every function (and module body) what it may call, sorted."""
    solver = Solver(names, Knowledge(capabilities), semantics())
    record = solver.run()
    nodes = _Nodes(solver)
    graph: dict[str, set[str]] = {nodes.of(name): set() for name in solver.units}
    for caller, callees in record.edges.items():
        graph[nodes.of(caller)].update(nodes.of(callee) for callee in callees)
    for unit, initialisers in record.initialised.items():
        graph[nodes.of(unit)].update(path.replace("()", "") for path in initialisers)
    for call in record.calls.values():
        graph[nodes.of(call.unit)].update(nodes.foreign(call))
    return {node: tuple(sorted(callees)) for node, callees in sorted(graph.items())}


class _Nodes:
    """Names nodes; lambdas are numbered within what holds them, in source order."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self._lambdas: dict[str, str] = {}
        counts: dict[str, int] = {}
        for unit in sorted(solver.units.values(), key=lambda unit: (unit.scope.module.path, unit.span)):
            if unit.kind == "lambda":
                holder = unit.name.rpartition(".<lambda ")[0]
                counts[holder] = counts.get(holder, 0) + 1
                self._lambdas[unit.name] = f"{holder}.<lambda{counts[holder]}>"

    def of(self, unit: str) -> str:
        """Return the node of a unit."""
        name = self._lambdas.get(unit, unit)
        return re.sub(r"@\d+", "", name.removesuffix(".<main>")).replace(":", ".")

    def foreign(self, call: SeenCall) -> Iterator[str]:
        """Nodes outside the modules that a call may reach."""
        for path in call.callees:
            if path == PLAIN.key:
                continue
            plain = path.replace("()", "").replace("[]", "")
            yield plain.replace("builtins.", "<builtin>.", 1) if plain.startswith("builtins.") else plain
        if isinstance(call.node.callee, m.Attribute):
            for value in call.receiver:
                kind = _kind(value)
                if kind is not None:
                    yield f"<**{kind}**>.{call.node.callee.attr}"


def _kind(value: Value) -> str | None:
    if type(value) is Text:
        return "PyStr"
    if type(value) is Container and value.key.rpartition(":")[2] in _DICT:
        return "PyDict"
    return None
