"""Writes to the attributes of foreign modules and classes, however they are spelt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Location
from theodore_plugin.rules.context import RuleContext
from theodore_plugin.rules.sites import Site

SETTERS = ("builtins.setattr", "builtins.delattr")


@dataclass(frozen=True, slots=True)
class Write:
    """One write."""

    owner: str
    """The module or class that is changed, canonical: ``json``, ``pathlib.Path``."""
    name: str
    location: Location
    at_import: bool

    @property
    def target(self) -> str:
        """What is written."""
        return f"{self.owner}.{self.name}"


def foreign_writes(context: RuleContext) -> Iterator[Write]:
    """Iterate over assignments, deletions, ``setattr`` calls and namespace subscripts on foreign modules or classes.

    A parameter that may be one of several classes is nearly always one of the plugin's own.
    """
    assigned = ((site, target) for site, node in context.sites.of(m.Assign) for target in node.targets)
    deleted = ((site, target) for site, node in context.sites.of(m.Delete) for target in node.targets)
    for site, target in chain(assigned, deleted):
        for part in _parts(target):
            yield from _written(context, site, part)
    modules = context.names.modules
    for call, _name in context.inference.calls_of(*SETTERS):
        owners = call.origins[0] if call.origins else ()
        for owner in owners:
            certain = len(owners) == 1 or context.capabilities.is_module(owner)
            if certain and "(" not in owner and "[" not in owner:
                attribute = call.texts[1][0] if len(call.texts) > 1 and call.texts[1] else "*"
                yield Write(owner, attribute, call.location, call.function in modules)


def _parts(target: m.Expr) -> Iterator[m.Expr]:
    if isinstance(target, m.Sequence):
        for item in target.items:
            yield from _parts(item)
    else:
        yield target.value if isinstance(target, m.Starred) else target


def _written(context: RuleContext, site: Site, target: m.Expr) -> Iterator[Write]:
    if isinstance(target, m.Attribute):
        owner, name = context.sites.path(site, target.value), target.attr
    elif isinstance(target, m.Subscript):
        owner, name = _namespace(context, site, target.value), _key(target.index)
    else:
        return
    if owner:
        location = target.span.at(site.facts.path)
        yield Write(context.capabilities.canonical(owner), name, location, site.at_import)


def _namespace(context: RuleContext, site: Site, value: m.Expr) -> str | None:
    """Return the module whose ``__dict__`` or ``vars()`` this is."""
    if isinstance(value, m.Attribute) and value.attr == "__dict__":
        return context.sites.path(site, value.value)
    if isinstance(value, m.Call) and m.dotted(value.callee) == "vars" and len(value.arguments) == 1:
        return context.sites.path(site, value.arguments[0].value)
    return None


def _key(index: m.Expr) -> str:
    return index.value if isinstance(index, m.Constant) and isinstance(index.value, str) else "*"
