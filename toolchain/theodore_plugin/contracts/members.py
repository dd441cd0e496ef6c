"""Which implementations of a member a class has, looked up the way Python does, and what leaves that open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from theodore_plugin.contracts.bindings import UNBOUND, Alternatives, Assigned, Definition, declared
from theodore_plugin.contracts.decorators import decorator_path, known_decorators
from theodore_plugin.contracts.forms import ClassBody
from theodore_plugin.contracts.model import Contract
from theodore_plugin.contracts.mro import Ancestor, ForeignBase, SdkBase, label, linearise
from theodore_plugin.contracts.shape import Form
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, OwnClass, module_level
from theodore_plugin.finding import Location

_DYNAMIC = frozenset({"exec", "eval", "locals", "vars"})
_METACLASSES = frozenset({"abc.ABCMeta", "builtins.type"})


@dataclass(frozen=True, slots=True)
class Implementation:
    """One definition that may be in force."""

    owner: OwnClass
    form: Form
    location: Location
    definition: Definition


@dataclass(frozen=True, slots=True)
class Member:
    """What was found under a name.

    ``absent`` says that on some path the plugin's classes do not bind it; ``standing_before`` names the SDK base
    that is asked before the implementation; ``doubts`` are the classes that may bind it unseen.
    """

    implementations: tuple[Implementation, ...]
    absent: bool
    standing_before: str | None = None
    doubts: tuple[str, ...] = ()


@dataclass
class ClassMembers:
    """Member lookup for one class. Building it raises InconsistentOrder."""

    names: Names
    cls: OwnClass
    bases: Mapping[str, Contract]
    order: tuple[Ancestor, ...] = field(init=False)
    doubts: tuple[str, ...] = field(init=False)
    """Why any member of the class may be something else than the source shows."""

    def __post_init__(self) -> None:
        self.order = linearise(self.names, self.cls, self.bases)
        own = (item for item in self.order if isinstance(item, OwnClass))
        self._bodies = {id(item.node): ClassBody.of(self.names, item) for item in own}
        self._patches = {id(item.node): dict(_patches(self.names, item)) for item in self.own}
        self.doubts = tuple(dict.fromkeys(doubt for item in self.own for doubt in self._class_doubts(item)))

    @property
    def own(self) -> tuple[OwnClass, ...]:
        """The plugin's own classes, nearest first."""
        return tuple(item for item in self.order if isinstance(item, OwnClass))

    @property
    def foreign(self) -> tuple[str, ...]:
        """Bases from elsewhere that may implement anything."""
        return tuple(item.path for item in self.order if isinstance(item, ForeignBase) and not item.plain)

    def names_bound(self) -> Iterator[str]:
        """Iterate over every name the plugin's own classes bind."""
        yield from dict.fromkeys(name for item in self.own for name in self._body(item).bindings)

    def find(self, name: str, contract: Contract | None = None) -> Member:
        """Look a name up. ``contract`` is the SDK base whose members count as standing in the order."""
        found: list[Implementation] = []
        doubts: list[str] = []
        before: str | None = None
        for item in self.order:
            if isinstance(item, OwnClass):
                alternatives = self._alternatives(item, name)
                found += self._implementations(item, alternatives)
                if None not in alternatives:
                    return Member(tuple(found), absent=False, standing_before=before, doubts=tuple(doubts))
            elif isinstance(item, SdkBase):
                before = before or self._stands(item, name, contract, found)
            elif not item.plain:
                doubts.append(f"{label(item)} may define it")
        return Member(tuple(found), absent=True, standing_before=before, doubts=tuple(doubts))

    def has_dynamic_lookup(self) -> bool:
        """Whether instances answer for names nobody defines (``__getattr__``)."""
        hooks = ("__getattr__", "__getattribute__")
        return any(None not in self._alternatives(item, hook) for item in self.own for hook in hooks)

    def instance_attributes(self) -> Iterator[str]:
        """Iterate over names assigned to ``self`` in any own method."""
        for item in self.own:
            for node in m.walk(item.node.body):
                if isinstance(node, m.Assign):
                    yield from (name for target in node.targets if (name := _of_self(target)) is not None)

    def annotated(self) -> Iterator[str]:
        """Iterate over names the own classes annotate in their bodies."""
        yield from (name for item in self.own for name in declared(item.node.body))

    def _stands(self, item: SdkBase, name: str, contract: Contract | None, found: list[Implementation]) -> str | None:
        if found or contract is None:
            return None
        method = contract.methods.get(name)
        return item.name if method is not None and method.owner == item.name else None

    def _body(self, owner: OwnClass) -> ClassBody:
        return self._bodies[id(owner.node)]

    def _alternatives(self, owner: OwnClass, name: str) -> Alternatives:
        return self._patches[id(owner.node)].get(name) or self._body(owner).bindings.get(name, UNBOUND)

    def _implementations(self, owner: OwnClass, alternatives: Alternatives) -> Iterator[Implementation]:
        for definition in alternatives:
            if definition is not None:
                span = definition.name_span if isinstance(definition, m.Function | m.Class) else definition.span
                form = self._body(owner).form(definition)
                yield Implementation(owner, form, span.at(owner.module.path), definition)

    def _class_doubts(self, item: OwnClass) -> Iterator[str]:
        for decorator in item.node.decorators:
            target = decorator.callee if isinstance(decorator, m.Call) else decorator
            path = decorator_path(self.names, item.module, target)
            if path not in known_decorators()["classes"]:
                yield f"the class decorator {m.dotted(target) or 'in use'} may replace {item.node.name}"
        for argument in item.node.bases:
            if argument.keyword == "metaclass":
                path = decorator_path(self.names, item.module, argument.value)
                if path not in _METACLASSES:
                    yield f"the metaclass of {item.node.name} may add or replace members"
        if any(isinstance(node, m.Call) and m.dotted(node.callee) in _DYNAMIC for node in _own_expressions(item)):
            yield f"the body of {item.node.name} binds names that are computed"


def _of_self(target: m.Expr) -> str | None:
    if isinstance(target, m.Attribute) and isinstance(target.value, m.Name) and target.value.id == "self":
        return target.attr
    return None


def _own_expressions(item: OwnClass) -> Iterator[m.Node]:
    """Everything a class body itself evaluates, functions left out."""
    pending: list[m.Node] = list(item.node.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, m.Function | m.Lambda | m.Class):
            pending.extend(m.children(node))


def _patches(names: Names, owner: OwnClass) -> Iterator[tuple[str, Alternatives]]:
    """Iterate over ``Class.name = value`` and ``setattr(Class, "name", value)`` at the top level of its module."""
    for statement in module_level(owner.module.body):
        if isinstance(statement, m.Assign) and statement.value is not None:
            for target in statement.targets:
                if isinstance(target, m.Attribute) and _is(names, owner, target.value):
                    yield target.attr, (Assigned(statement.value, statement.span),)
        elif isinstance(statement, m.ExprStatement) and isinstance(statement.value, m.Call):
            yield from _set(names, owner, statement.value)


def _set(names: Names, owner: OwnClass, call: m.Call) -> Iterator[tuple[str, Alternatives]]:
    if m.dotted(call.callee) == "setattr" and len(call.arguments) == 3:
        target, name, value = (argument.value for argument in call.arguments)
        if _is(names, owner, target) and isinstance(name, m.Constant) and isinstance(name.value, str):
            yield name.value, (Assigned(value, call.span),)


def _is(names: Names, owner: OwnClass, expression: m.Expr) -> bool:
    found = names.resolve_expression(owner.module, expression)
    return isinstance(found, OwnClass) and found.node is owner.node
