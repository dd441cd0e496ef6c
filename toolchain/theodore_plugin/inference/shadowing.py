"""Which names a body surely binds, and how names with two underscores are spelt.

A name bound under a condition, in a loop, or deleted again does not hide what lies behind it: a builtin, or what
a base class defines. Code that only seems to replace ``eval`` must not pass for code that does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import module_level

if TYPE_CHECKING:
    from theodore_plugin.inference.scopes import Scope
    from theodore_plugin.inference.solver import Solver

_MANGLED = re.compile(r"_+[^\W_]\w*?(?P<name>__(?!_)\w*(?<!__))$")


@lru_cache(maxsize=4096)
def unmangled(name: str) -> str:
    """Return a class-private name as it is written inside its class: ``_Client__key`` is ``__key``."""
    if "__" not in name[1:] or name.endswith("__"):
        return name
    found = _MANGLED.match(name)
    return found["name"] if found else name


def sure_names(solver: Solver, key: str, body: m.Block) -> dict[str, int]:
    """Return the names that running ``body`` binds whatever happens, and the line of the first binding."""
    known = solver.sure_names.get(key)
    if known is None:
        known = solver.sure_names[key] = _sure_names(body)
    return known


def _sure_names(body: m.Block) -> dict[str, int]:
    found: dict[str, int] = {}
    for statement in body:
        for name in _bound(statement):
            found.setdefault(name, statement.span.line)
    for statement in module_level(body):
        if isinstance(statement, m.Delete):
            for target in statement.targets:
                found.pop(m.dotted(target) or "", None)
    return found


def _bound(statement: m.Statement) -> Iterator[str]:
    if isinstance(statement, (m.Function, m.Class, m.Import)) or (
        isinstance(statement, m.ImportFrom) and statement.attribute != "*"
    ):
        yield statement.name
    elif isinstance(statement, m.Assign) and statement.value is not None:
        yield from (target.id for target in statement.targets if isinstance(target, m.Name))


def is_bound_before(solver: Solver, scope: Scope, node: m.Name) -> bool:
    """Whether a module or class has surely bound a name where it is used, going by the order of lines."""
    body = solver.classes[scope.class_key].node.body if scope.class_key else scope.module.body
    line = sure_names(solver, scope.key, body).get(node.id)
    return line is not None and line < node.span.line
