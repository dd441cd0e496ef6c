"""How a member can be called: its parameters, what the call gives, and how it is bound to the object."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from theodore_plugin.facts import model as m


class Gives(StrEnum):
    """What calling it gives."""

    VALUE = "value"
    """The result itself."""
    AWAITABLE = "awaitable"
    GENERATOR = "generator"
    STREAM = "async generator"
    UNKNOWN = "unknown"


class Binding(StrEnum):
    """What the first parameter receives."""

    OBJECT = "object"
    CLASS = "class"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Shape:
    """A callable member, or a property when ``is_property``. ``parameters`` include the bound first one."""

    parameters: tuple[m.Parameter, ...]
    gives: Gives
    source: m.Function | m.Lambda
    module: m.ModuleFacts
    """Where ``source`` is written."""
    binding: Binding = Binding.OBJECT
    is_property: bool = False
    is_abstract: bool = False
    is_overload: bool = False
    wrapped: bool = False
    """Whether a decorator stands between the caller and ``source``, so that its annotations may not hold."""

    def bound(self) -> tuple[m.Parameter, ...] | None:
        """Return the parameters a caller fills; ``None`` when there is no room for the object itself."""
        if self.binding is Binding.NOTHING:
            return self.parameters
        if self.parameters and self.parameters[0].kind in {"positional", "positional-only"}:
            return self.parameters[1:]
        return self.parameters if self.parameters and self.parameters[0].kind == "*" else None

    def with_bound(self, count: int, keywords: frozenset[str]) -> Shape:
        """Return the shape after ``partialmethod`` has filled positional parameters and given keywords a value."""
        kept = [*self.parameters[:1], *self.parameters[1 + count :]]
        filled = [_filled(item) if item.name in keywords else item for item in kept]
        return replace(self, parameters=tuple(filled))


@dataclass(frozen=True, slots=True)
class Plain:
    """A value that cannot be called."""

    what: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Something whose shape cannot be told from the source, and why."""

    why: str


Form = Shape | Plain | Unclear


def shape_of(function: m.Function, module: m.ModuleFacts) -> Shape:
    """Return the shape of a function as it is written, decorators left aside."""
    if function.is_generator:
        gives = Gives.STREAM if function.is_async else Gives.GENERATOR
    else:
        gives = Gives.AWAITABLE if function.is_async else Gives.VALUE
    return Shape(function.parameters, gives, function, module)


def _filled(parameter: m.Parameter) -> m.Parameter:
    given = m.Constant(None, parameter.span)
    kind = "keyword" if parameter.kind == "positional" else parameter.kind
    return m.Parameter(parameter.name, kind, given, parameter.annotation, parameter.span)
