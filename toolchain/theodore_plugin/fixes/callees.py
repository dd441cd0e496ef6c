"""Call something else with the same arguments."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Location
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.imports import spelt
from theodore_plugin.fixes.model import Edit, NoFix
from theodore_plugin.fixes.syntax import edit, value

Change = Callable[[cst.Call], cst.Call]


def with_callee(
    context: FixContext, location: Location, path: str, change: Change = lambda call: call
) -> tuple[Edit, ...]:
    """Call ``path`` at ``location``, with ``change`` made to the arguments; imports that are missing are added."""
    name, imports = name_at(context, location, path)

    def changed(call: cst.Call) -> cst.Call:
        return change(call).with_changes(func=value(name))

    return (edit(context.source(location.path), location, cst.Call, changed), *imports)


def name_at(context: FixContext, location: Location, path: str) -> tuple[str, tuple[Edit, ...]]:
    """Return how ``path`` is spelt at a place inside the file, and the imports it takes.

    Where ``module.other`` stands there, the module is kept: ``y.load`` becomes ``y.safe_load``.
    """
    facts = context.facts(location.path)
    callee = context.node(location, m.Call).callee
    own, new = (m.dotted(callee) or "").rpartition("."), path.rpartition(".")
    if own[0] and context.module_at(location) == new[0]:
        return f"{own[0]}.{new[2]}", ()
    name, imports = spelt(context, facts, path)
    if _is_hidden(context, location, name.partition(".")[0]):
        raise NoFix(f"{name} means something else at {location}")
    return name, imports


def _is_hidden(context: FixContext, location: Location, name: str) -> bool:
    """Whether a function around the place binds the name itself."""
    for function in context.around(location, m.Function):
        for node in m.walk(function):
            if not isinstance(node, m.Name) and getattr(node, "name", None) == name:
                return True
            if isinstance(node, m.Assign | m.For | m.With | m.NamedExpr) and name in _targets(node):
                return True
    return False


def _targets(node: m.Assign | m.For | m.With | m.NamedExpr) -> set[str]:
    if isinstance(node, m.Assign):
        targets: tuple[m.Expr | None, ...] = node.targets
    elif isinstance(node, m.With):
        targets = tuple(target for _, target in node.items)
    else:
        targets = (node.target,)
    return {item.id for target in targets if target is not None for item in m.walk(target) if isinstance(item, m.Name)}
