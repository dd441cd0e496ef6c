"""Evaluate the literal part of Python: constants, displays, concatenation, f-strings of constants, SDK constructors.

Nothing is executed. Whatever is not in this small language is a :class:`NotLiteral` that points at the
expression, so an author sees exactly which one to write out.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Foreign, Names, OwnValue
from theodore_plugin.finding import Location
from theodore_plugin.metadata.plugin_class import HOST_BASES, SDK
from theodore_sdk import info
from theodore_sdk.versions import VersionRange

CONSTRUCTORS: Mapping[str, type] = {
    "PluginInfo": info.PluginInfo,
    "PluginPermission": info.PluginPermission,
    "PluginResourceLimits": info.PluginResourceLimits,
    "PluginDependency": info.PluginDependency,
    "PackageDependency": info.PackageDependency,
    "VersionRange": VersionRange,
}
ENUMS: Mapping[str, type[Enum]] = {"PluginCategory": info.PluginCategory, "PermissionType": info.PermissionType}
MAX_DEPTH = 64


class NotLiteral(Exception):
    """The expression at ``location`` is computed."""

    def __init__(self, location: Location, what: str) -> None:
        self.location = location
        self.what = what
        super().__init__(what)


class InvalidValue(Exception):
    """The expression is literal and wrong; ``rule`` is the slug of the rule that reports it."""

    def __init__(
        self,
        location: Location,
        message: str,
        help: str | None = None,  # noqa: A002 - the word users read
        rule: str = "manifest-invalid",
    ) -> None:
        self.location = location
        self.message = message
        self.help = help
        self.rule = rule
        super().__init__(message)


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """An expression with the module it is written in."""

    module: m.ModuleFacts
    node: m.Expr

    @property
    def location(self) -> Location:
        """Where the expression is."""
        return self.node.span.at(self.module.path)


@dataclasses.dataclass(frozen=True, slots=True)
class Construction:
    """A call of an SDK constructor whose arguments are not evaluated yet."""

    kind: type
    call: m.Call
    place: Place


def unknown_member(kind: type[Enum]) -> str:
    """Name the rule that reports a word outside an enumeration: permissions have a vocabulary of their own."""
    return "permission-unknown" if kind is info.PermissionType else "manifest-invalid"


def nearest_member(kind: type[Enum], word: object) -> str:
    """Say which member was probably meant, and which there are."""
    words = {text.lower(): member for member in kind for text in (member.name, str(member.value))}
    near = difflib.get_close_matches(str(word).lower(), words, 1)
    guess = f"did you mean {kind.__name__}.{words[near[0]].name}? " if near else ""
    return f"{guess}one of: {', '.join(f'{kind.__name__}.{member.name}' for member in kind)}"


class Evaluator:
    """Evaluates expressions of one project. ``construct`` builds SDK values, so it can report all their problems."""

    def __init__(self, names: Names, construct: Callable[[Construction, str], Any]) -> None:
        self.names = names
        self.construct = construct
        self.locations: dict[str, Location] = {}
        """JSON pointer of every value inside the metadata to where it is written."""
        self._depth = 0

    def value(self, place: Place, pointer: str) -> Any:
        """Evaluate. Raises NotLiteral or InvalidValue."""
        self.locations.setdefault(pointer, place.location)
        if self._depth > MAX_DEPTH:
            raise NotLiteral(place.location, "a chain of names that never ends in a constant")
        self._depth += 1
        try:
            handler = _HANDLERS.get(type(place.node))
            if handler is None:
                raise NotLiteral(place.location, _describe(place.node))
            return handler(self, place, pointer)
        finally:
            self._depth -= 1

    def _constant(self, place: Place, _pointer: str) -> Any:
        assert isinstance(place.node, m.Constant)  # noqa: S101 - dispatched on the type
        return place.node.value

    def _reference(self, place: Place, pointer: str) -> Any:
        node = place.node
        meaning = self.names.resolve_expression(place.module, node)
        if isinstance(meaning, OwnValue):
            return self.value(Place(meaning.module, meaning.node), pointer)
        member = self._enum_member(place)
        if member is not None:
            return member
        raise NotLiteral(place.location, _describe(node))

    def _enum_member(self, place: Place) -> Enum | None:
        kind_name, member = self._member_path(place)
        kind = ENUMS.get(kind_name)
        if kind is None:
            return None
        try:
            return kind[member]
        except KeyError:
            message = f"{kind.__name__} has no member {member}"
            raise InvalidValue(place.location, message, nearest_member(kind, member), unknown_member(kind)) from None

    def _member_path(self, place: Place) -> tuple[str, str]:
        """Split ``PluginCategory.SCRAPER``, or a module constant that stands for it, into class and member."""
        if isinstance(place.node, m.Attribute):
            return self.sdk_name(place.module, place.node.value) or "", place.node.attr
        meaning = self.names.resolve_expression(place.module, place.node)
        path, _, member = meaning.path.rpartition(".") if isinstance(meaning, Foreign) else ("", "", "")
        root, _, kind_name = path.rpartition(".")
        return (kind_name if root.startswith((SDK, *HOST_BASES)) else ""), member

    def sdk_name(self, module: m.ModuleFacts, expression: m.Expr) -> str | None:
        """Return the bare SDK name an expression stands for.

        Names nobody bound count too: leaving out the import is mypy's finding, and the metadata is still readable.
        """
        meaning = self.names.resolve_expression(module, expression)
        if isinstance(meaning, Foreign):
            root, _, name = meaning.path.rpartition(".")
            return name if root.startswith((SDK, *HOST_BASES)) else None
        return expression.id if meaning is None and isinstance(expression, m.Name) else None

    def _call(self, place: Place, pointer: str) -> Any:
        node = place.node
        assert isinstance(node, m.Call)  # noqa: S101
        name = self.sdk_name(place.module, node.callee) or ""
        if name in CONSTRUCTORS:
            return self.construct(Construction(CONSTRUCTORS[name], node, place), pointer)
        if name in ENUMS and len(node.arguments) == 1 and node.arguments[0].keyword is None:
            value = self.value(Place(place.module, node.arguments[0].value), pointer)
            try:
                return ENUMS[name](value)
            except ValueError:
                kind, message = ENUMS[name], f"{name} has no value {value!r}"
                raise InvalidValue(place.location, message, nearest_member(kind, value), unknown_member(kind)) from None
        raise NotLiteral(place.location, _describe(node))

    def _sequence(self, place: Place, pointer: str) -> Any:
        node = place.node
        assert isinstance(node, m.Sequence)  # noqa: S101
        items: list[Any] = []
        for number, item in enumerate(node.items):
            if isinstance(item, m.Starred):
                items.extend(self.value(Place(place.module, item.value), f"{pointer}/{number}"))
            else:
                items.append(self.value(Place(place.module, item), f"{pointer}/{number}"))
        if node.kind == "set":
            raise NotLiteral(place.location, "a set, whose order is not fixed")
        return items if node.kind == "list" else tuple(items)

    def _mapping(self, place: Place, pointer: str) -> Any:
        node = place.node
        assert isinstance(node, m.Mapping)  # noqa: S101
        result: dict[Any, Any] = {}
        for key_node, value_node in node.items:
            if key_node is None:
                spread = self.value(Place(place.module, value_node), pointer)
                if not isinstance(spread, dict):
                    raise InvalidValue(place.location, "** needs a dict")
                result.update(spread)
                continue
            key = self.value(Place(place.module, key_node), f"{pointer}/?")
            if not isinstance(key, (str, int, float, bool)):
                raise InvalidValue(key_node.span.at(place.module.path), "a key must be a string or a number")
            result[key] = self.value(Place(place.module, value_node), f"{pointer}/{key}")
        return result

    def _binary(self, place: Place, pointer: str) -> Any:
        node = place.node
        assert isinstance(node, m.Binary)  # noqa: S101
        if node.operator not in {"Add", "BitOr"}:
            return self._arithmetic(place, pointer)
        left = self.value(Place(place.module, node.left), pointer)
        right = self.value(Place(place.module, node.right), pointer)
        joins = str | list | tuple if node.operator == "Add" else dict
        if isinstance(left, joins) and type(left) is type(right):
            return left + right if node.operator == "Add" else {**left, **right}  # type: ignore[operator,dict-item]
        if node.operator == "Add" and _is_number(left) and _is_number(right):
            return left + right
        raise NotLiteral(place.location, "an addition of unlike things")

    def _arithmetic(self, place: Place, pointer: str) -> Any:
        node = place.node
        assert isinstance(node, m.Binary)  # noqa: S101
        left = self.value(Place(place.module, node.left), pointer)
        right = self.value(Place(place.module, node.right), pointer)
        if _is_number(left) and _is_number(right) and node.operator in {"Multiply", "Subtract"}:
            return left * right if node.operator == "Multiply" else left - right
        raise NotLiteral(place.location, _describe(node))

    def _unary(self, place: Place, pointer: str) -> Any:
        node = place.node
        assert isinstance(node, m.Unary)  # noqa: S101
        operand = self.value(Place(place.module, node.operand), pointer)
        if node.operator == "Minus" and _is_number(operand):
            return -operand
        raise NotLiteral(place.location, _describe(node))

    def _formatted(self, place: Place, pointer: str) -> Any:
        node = place.node
        assert isinstance(node, m.FormattedString)  # noqa: S101
        parts = [self.value(Place(place.module, part), pointer) for part in node.parts]
        if all(isinstance(part, (str, int, float)) for part in parts):
            return "".join(str(part) for part in parts)
        raise NotLiteral(place.location, "an f-string of something that is not a constant")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _describe(node: m.Expr) -> str:
    """Name an expression for a message."""
    if isinstance(node, m.Call):
        return f"a call of {m.dotted(node.callee) or 'a computed function'}()"
    if isinstance(node, (m.Name, m.Attribute)):
        return f"the name {m.dotted(node) or node.__class__.__name__}, which is no constant"
    if isinstance(node, m.Comprehension):
        return "a comprehension"
    if isinstance(node, m.Choice):
        return "a conditional expression"
    return f"an expression ({type(node).__name__.lower()})"


_HANDLERS: Mapping[type, Callable[[Evaluator, Place, str], Any]] = {
    m.Constant: Evaluator._constant,
    m.Name: Evaluator._reference,
    m.Attribute: Evaluator._reference,
    m.Call: Evaluator._call,
    m.Sequence: Evaluator._sequence,
    m.Mapping: Evaluator._mapping,
    m.Binary: Evaluator._binary,
    m.Unary: Evaluator._unary,
    m.FormattedString: Evaluator._formatted,
}
