"""What escapes resolution: modules that travel as values, and attributes of things nothing is known about.

A module that is passed on, stored or returned may come back where no flow is followed. So every attribute of
something unknown that is named like a capability of a module that travels counts as that capability; and an
attribute of something unknown that is chosen at run time may be any of them. Names that objects of everyday
types have too (``get``, ``copy``, ``read``) are left out: they would say nothing.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from theodore_plugin.inference.values import PLAIN, Container, Foreign, OwnModule, Text, Value, Values

if TYPE_CHECKING:
    from theodore_plugin.facts import model as m
    from theodore_plugin.inference.frame import Frame
    from theodore_plugin.inference.solver import Solver

ANY_NAME = "*"
"""The name of an attribute that is chosen at run time."""
_EVERYDAY = frozenset(
    name
    for kind in (str, bytes, bytearray, list, tuple, dict, set, int, float, complex, BaseException, io.TextIOWrapper)
    for name in dir(kind)
)


def note_travelling(frame: Frame, value: Value) -> None:
    """Note that a module is used as a value, not just for one of its attributes."""
    if type(value) is OwnModule or (type(value) is Foreign and frame.solver.is_module(value.key)):
        frame.solver.record.travelling[value] = None


def note_attribute(frame: Frame, bases: Values, name: str, found: Values, span: m.Span) -> None:
    """Note an attribute that could not be resolved, or take that back once it is."""
    if name in _EVERYDAY:
        return
    place = (frame.module.path, span.line, span.column, name)
    if is_known(frame, bases, found):
        frame.solver.record.lost.pop(place, None)
    else:
        frame.solver.record.lost[place] = (frame, span)


def is_known(frame: Frame, bases: Values, found: Values) -> bool:
    """Whether an attribute is one of something known; strings and containers have no capabilities."""
    if bases and all(isinstance(base, (Text, Container)) for base in bases):
        return True
    return any(type(value) is not Foreign or _says_something(frame, value) for value in found)


def _says_something(frame: Frame, value: Value) -> bool:
    if value == PLAIN:
        return False
    solver = frame.solver
    return solver.leads_on(value.key) or ("()" not in value.key and _is_member(solver, value.key))


def _is_member(solver: Solver, path: str) -> bool:
    """Whether a path is an attribute of a module, known to be there or not."""
    return solver.is_module(path.rpartition(".")[0])


def conclude(solver: Solver) -> None:
    """Refer to the capabilities that unresolved attributes may be, now that no more will be resolved."""
    travelling = (value.key for value in solver.record.travelling if type(value) is Foreign)
    modules = sorted(path for path in travelling if solver.map.is_capable(path))
    shown = _shown(solver)
    if not modules and not shown:
        return
    for place, (frame, span) in sorted(solver.record.lost.items(), key=lambda item: item[0]):
        name = place[3]
        if name in shown or (name == ANY_NAME and modules):
            frame.refer("builtins.<computed attribute>", span)
        for module in modules:
            frame.refer(solver.map.canonical(f"{module}.{name}"), span)


def _shown(solver: Solver) -> set[str]:
    """Names under which own modules that travel show capable modules."""
    return {
        name
        for module in solver.record.travelling
        if type(module) is OwnModule
        for name in solver.names.bound_names(module.key)
        for found in solver.read((module.key, name))
        if type(found) is Foreign and solver.is_module(found.key) and solver.map.is_capable(found.key)
    }
