"""From what a class body binds to how it can be called: functions, lambdas, assigned and partial methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from theodore_plugin.contracts.bindings import Alternatives, Assigned, Definition, class_bindings
from theodore_plugin.contracts.decorators import decorate, decorated, decorator_path
from theodore_plugin.contracts.shape import Binding, Form, Gives, Plain, Shape, Unclear
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, OwnClass, OwnFunction, OwnValue

MAX_HOPS = 8
"""Assignments of assignments followed."""
_VALUES = (m.Constant, m.Sequence, m.Mapping, m.FormattedString, m.Comprehension, m.Binary)
_FILLED = frozenset({"functools.partialmethod", "functools.partial"})


@dataclass(frozen=True, slots=True)
class ClassBody:
    """One class of the plugin with what its body binds."""

    names: Names
    owner: OwnClass
    bindings: Mapping[str, Alternatives]

    @classmethod
    def of(cls, names: Names, owner: OwnClass) -> ClassBody:
        """Read the body."""
        return cls(names, owner, class_bindings(owner.node.body))

    def form(self, definition: Definition) -> Form:
        """Return how one definition can be called."""
        if isinstance(definition, m.Function):
            return decorated(self.names, self.owner.module, definition)
        if isinstance(definition, Assigned):
            return self._value(definition.value, 0)
        if isinstance(definition, m.Class):
            return Unclear("it is a class")
        return self._imported(definition)

    def _imported(self, definition: m.Import | m.ImportFrom) -> Form:
        if isinstance(definition, m.ImportFrom):
            source = self.names.modules.get(self.names.absolute(self.owner.module, definition))
            found = self.names.resolve(source, definition.attribute) if source else None
            if isinstance(found, OwnFunction):
                return decorated(self.names, found.module, found.node)
        return Unclear("it is imported from elsewhere")

    def _value(self, value: m.Expr | None, hops: int) -> Form:
        if value is None or hops > MAX_HOPS:
            return Unclear("it is unpacked, changed in place, or assigned in a circle")
        if isinstance(value, m.Lambda):
            return Shape(value.parameters, Gives.VALUE, value, self.owner.module)
        if isinstance(value, _VALUES):
            return Plain(_describe(value))
        if isinstance(value, m.Call):
            return self._made(value, hops)
        if isinstance(value, m.Name) and value.id in self.bindings:
            return self._earlier(value.id, hops)
        return self._named(value)

    def _earlier(self, name: str, hops: int) -> Form:
        """Follow a name bound in the same class body."""
        found = self.bindings[name]
        only = found[0] if len(found) == 1 else None
        if isinstance(only, Assigned):
            return self._value(only.value, hops + 1)
        return self.form(only) if only is not None else Unclear(f"{name} is bound in more than one way")

    def _named(self, value: m.Expr) -> Form:
        meaning = self.names.resolve_expression(self.owner.module, value)
        if isinstance(meaning, OwnFunction):
            return decorated(self.names, meaning.module, meaning.node)
        if isinstance(meaning, OwnValue):
            if isinstance(meaning.node, m.Lambda):
                return Shape(meaning.node.parameters, Gives.VALUE, meaning.node, meaning.module)
            return Plain(_describe(meaning.node)) if isinstance(meaning.node, _VALUES) else _unclear(value)
        if isinstance(value, m.Attribute):
            return self._of_other_class(value)
        return _unclear(value)

    def _of_other_class(self, value: m.Attribute) -> Form:
        other = self.names.resolve_expression(self.owner.module, value.value)
        if not isinstance(other, OwnClass) or other.node is self.owner.node:
            return _unclear(value)
        found = ClassBody.of(self.names, other).bindings.get(value.attr, ())
        only = found[0] if len(found) == 1 else None
        return decorated(self.names, other.module, only) if isinstance(only, m.Function) else _unclear(value)

    def _made(self, call: m.Call, hops: int) -> Form:
        """Read a call that makes a method: ``partialmethod``, ``staticmethod`` and decorators called by hand."""
        path = decorator_path(self.names, self.owner.module, call.callee)
        positional = [item.value for item in call.arguments if item.keyword is None]
        if any(item.keyword in {"*", "**"} for item in call.arguments) or not positional:
            return _unclear(call)
        inner = self._value(positional[0], hops + 1)
        if path in _FILLED:
            return self._filled(path, call, inner, len(positional) - 1)
        if len(call.arguments) > 1:
            return _unclear(call)
        return decorate(self.names, self.owner.module, call.callee, inner)

    def _filled(self, path: str, call: m.Call, inner: Form, count: int) -> Form:
        if not isinstance(inner, Shape):
            return inner
        keywords = frozenset(item.keyword for item in call.arguments if item.keyword is not None)
        if path == "functools.partialmethod":
            return inner.with_bound(count, keywords)
        # a partial object is no descriptor: the object itself is never passed
        loose = Shape((_SELF, *inner.parameters), inner.gives, inner.source, inner.module)
        filled = loose.with_bound(count, keywords)
        return replace(filled, parameters=filled.parameters[1:], binding=Binding.NOTHING)


_SELF = m.Parameter("self", "positional", None, None, m.Span(1, 0, 1, 0))


def _describe(value: m.Expr) -> str:
    if isinstance(value, m.Constant):
        return repr(value.value) if not isinstance(value.value, str | bytes) else f"a {type(value.value).__name__}"
    return f"a {value.kind}" if isinstance(value, m.Sequence) else "a value"


def _unclear(value: m.Expr) -> Unclear:
    name = m.dotted(value.callee if isinstance(value, m.Call) else value)
    return Unclear(f"it comes from {name}" if name else "it is computed")
