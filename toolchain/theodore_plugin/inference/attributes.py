"""Reading attributes of any value, and the ways to a module's names that name none of them."""

from __future__ import annotations

import posixpath
import sys

from theodore_plugin.facts import model as m
from theodore_plugin.inference.classes import attribute
from theodore_plugin.inference.escapes import note_attribute
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.solver import Solver
from theodore_plugin.inference.values import (
    HOLE,
    NOTHING,
    PLAIN,
    Bound,
    Foreign,
    Instance,
    OwnClass,
    OwnFunction,
    OwnModule,
    Parent,
    Text,
    Value,
    Values,
    ordered,
    texts,
)

PATH = Foreign("pathlib.Path()")
CODE = Foreign("types.CodeType()")
_WHOLE = frozenset({"values", "items", "copy", "popitem"})
_LOOKUPS = frozenset({"__getattribute__", "__getattr__"})
_REVEALING = _WHOLE | _LOOKUPS


def read_attribute(frame: Frame, base: Value, name: str, span: m.Span) -> Values:
    """Read an attribute of one value."""
    kind = type(base)
    if kind is Foreign:
        return _of_foreign(frame, base, name, span)
    if kind is Instance:
        return attribute(frame, base.key, name, through_class=False)
    if kind is OwnModule:
        if name == "__dict__":
            frame.refer("builtins.<computed attribute>", span)
        return frame.solver.module_member(base.key, name)
    if kind is OwnClass:
        return attribute(frame, base.key, name, through_class=True)
    if isinstance(base, (OwnFunction, Bound)):
        return frame.read(("of function", base.key, name))
    if isinstance(base, Parent):
        return attribute(frame, base.owner, name, through_class=False, above=base.key)
    return NOTHING


def read_attributes(frame: Frame, bases: Values, name: str, span: m.Span) -> Values:
    """Read an attribute of every value."""
    if name == "parent" and PATH in bases:
        return parents(bases) | {PATH}
    found: Values = frozenset({CODE}) if name == "__code__" else NOTHING
    for base in ordered(bases):
        found |= read_attribute(frame, base, name, span)
    note_attribute(frame, bases, name, found, span)
    return found


def _of_foreign(frame: Frame, base: Value, name: str, span: m.Span) -> Values:
    known = frame.solver.foreign_attributes.get((base.key, name))
    if known is None:
        known = frame.solver.foreign_attributes[base.key, name] = _look_up(frame.solver, base.key, name)
    found, uses_base = known
    if uses_base:
        frame.refer(base.key, span)  # os.environ.keys(): what is used is os.environ
    if name in _REVEALING:
        _reflect(frame, base, name, span)
    return found


def _look_up(solver: Solver, base: str, name: str) -> tuple[Values, bool]:
    if base == PLAIN.key or ("()." in base and not solver.leads_on(base)):
        return frozenset({Foreign(base)}), False  # an attribute of an attribute of a result that leads nowhere
    if name == "__self__" and "(" not in base:
        return frozenset({Foreign(base.rpartition(".")[0])}), False  # of a builtin function: its module
    path = solver.map.canonical(f"{base}.{name}")
    several = solver.map.alternatives(path)
    if several:
        return frozenset(Foreign(solver.map.canonical(option)) for option in several), False
    text = solver.map.values.get(path)
    if text is not None:
        return frozenset({Text(text), PATH}), False
    return frozenset({Foreign(path)}), not solver.has_effect(path) and path not in solver.map.safe


def _reflect(frame: Frame, base: Value, name: str, span: m.Span) -> None:
    """Note ways to a module's attributes that name none of them: all of its namespace, or its own look-up."""
    if name in _WHOLE and (base.key == "sys.modules" or base.key.endswith(".__dict__")):
        frame.refer("builtins.<computed attribute>", span)
    elif name in _LOOKUPS:
        frame.let_go(frozenset({base}), span)


def namespace_item(frame: Frame, namespace: str, index: Values, span: m.Span) -> Values:
    """Read ``module.__dict__[name]``, which is ``module.name``."""
    owner = Foreign(namespace.removesuffix(".__dict__"))
    names = [name for name in texts(index) if HOLE not in name]
    if not names:
        frame.choose_at_run_time(owner, span)
    found: Values = NOTHING
    for name in names:
        found |= read_attribute(frame, owner, name, span)
    note_held(frame, found, span)
    return found


def note_held(frame: Frame, values: Values, span: m.Span) -> None:
    """Note that foreign things with an effect are held."""
    for value in values:
        if type(value) is Foreign:
            frame.refer(value.key, span)


def module_items(frame: Frame, index: Values, span: m.Span) -> Values:
    """Return the modules that ``sys.modules`` holds under constant names; any other name may be any module's."""
    names = [name for name in texts(index) if HOLE not in name]
    if len(names) < max(1, len(texts(index))):
        frame.refer("builtins.<computed attribute>", span)
    return frozenset(value for name in names for value in module_values(frame, name))


def module_values(frame: Frame, target: str) -> Values:
    """Return a module by its dotted name; one that is named like the standard library's may be either."""
    foreign = Foreign(frame.solver.map.canonical(target))
    if not frame.solver.names.is_own(target):
        return frozenset({foreign})
    own: Values = frozenset({OwnModule(target)})
    return own | {foreign} if is_ambiguous(frame, target) else own


def is_ambiguous(frame: Frame, target: str) -> bool:
    """Whether an own module shares its name with one that Python may find first, or that the plugin depends on."""
    root = target.partition(".")[0]
    if root in sys.stdlib_module_names:
        return True
    home = frame.solver.home
    return bool(home) and root not in home and root in frame.solver.map.libraries


def parents(paths: Values) -> Values:
    """Return the folders of path texts; above the analysed package nothing is known."""
    return frozenset(Text(posixpath.dirname(text) or HOLE) for text in texts(paths))
