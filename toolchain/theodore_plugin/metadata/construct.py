"""Bind the arguments of an SDK constructor as Python would, check their types, and report every problem at once."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Location
from theodore_plugin.metadata.evaluate import (
    Construction,
    Evaluator,
    InvalidValue,
    NotLiteral,
    Place,
    nearest_member,
    unknown_member,
)
from theodore_sdk.info import PermissionType, PluginInfo
from theodore_sdk.versions import VersionRange

MISSING = object()


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the metadata; ``rule`` is the slug of the rule that reports it."""

    rule: str
    location: Location
    message: str
    help: str | None = None


class Builder:
    """Builds SDK values; collects problems instead of stopping at the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.evaluator: Evaluator
        self.readable: dict[str, Any] = {}
        """Arguments of ``PluginInfo`` that could be read, even when others could not."""

    def build(self, construction: Construction, pointer: str) -> Any:
        """Return the SDK value, or ``MISSING`` when problems were reported."""
        before = len(self.problems)
        arguments = self._arguments(construction, pointer)
        self._require(construction, arguments)
        if construction.kind is PluginInfo:
            self.readable = {name: value for name, value in arguments.items() if value is not MISSING}
        if len(self.problems) > before or MISSING in map(_identity, arguments.values()):
            return MISSING
        try:
            return construction.kind(**arguments)
        except (ValueError, TypeError) as error:
            self._report("manifest-invalid", construction.place.location, f"{_kind(construction)}: {error}")
            return MISSING

    def _arguments(self, construction: Construction, pointer: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        order = list(_parameters(construction.kind))
        for position, argument in enumerate(construction.call.arguments):
            location = argument.span.at(construction.place.module.path)
            name = self._parameter(construction, argument, position, order, location)
            if name is None:
                continue
            if name in values:
                self._report("manifest-invalid", location, f"{_kind(construction)} got {name} twice")
                continue
            values[name] = self._argument(construction, argument, name, f"{pointer}/{name}")
        return values

    def _parameter(
        self, construction: Construction, argument: m.Argument, position: int, order: list[str], location: Location
    ) -> str | None:
        if argument.keyword in {"*", "**"}:
            self._report(
                "metadata-not-literal", location, "arguments are unpacked from a value", "write every argument out"
            )
            return None
        if argument.keyword is None:
            if position < len(order):
                return order[position]
            self._report("manifest-invalid", location, f"{_kind(construction)} takes {len(order)} arguments")
            return None
        if argument.keyword not in order:
            near = difflib.get_close_matches(argument.keyword, order, 1)
            help_text = f"did you mean {near[0]}?" if near else f"known arguments: {', '.join(order)}"
            self._report(
                "unknown-manifest-field",
                location,
                f"{_kind(construction)} has no argument {argument.keyword}",
                help_text,
            )
            return None
        return argument.keyword

    def _argument(self, construction: Construction, argument: m.Argument, name: str, pointer: str) -> Any:
        place = Place(construction.place.module, argument.value)
        try:
            value = self.evaluator.value(place, pointer)
        except NotLiteral as problem:
            self._report(
                "metadata-not-literal",
                problem.location,
                f"{name} is computed: {problem.what}",
                "write the value as a literal, so that it can be read without running the plugin",
            )
            return MISSING
        except InvalidValue as problem:
            self._report(problem.rule, problem.location, f"{name}: {problem.message}", problem.help)
            return MISSING
        annotation = _parameters(construction.kind)[name]
        if annotation is PermissionType and isinstance(value, str) and not isinstance(value, Enum):
            self._report(
                unknown_member(PermissionType),
                place.location,
                f"{name} must be a PermissionType, not the text {value!r}",
                nearest_member(PermissionType, value),
            )
            return MISSING
        if not _holds_missing(value) and not fits(value, annotation):
            expected = _spell(annotation)
            message = f"{name} must be {expected}, not {_spell_value(value)}"
            self._report("manifest-invalid", place.location, message)
            return MISSING
        return MISSING if _holds_missing(value) else value

    def _require(self, construction: Construction, arguments: Mapping[str, Any]) -> None:
        unpacked = any(argument.keyword in {"*", "**"} for argument in construction.call.arguments)
        for name in _required(construction.kind):
            if name not in arguments and not unpacked:
                self._report(
                    "manifest-invalid",
                    construction.place.location,
                    f"{_kind(construction)} is missing required argument {name}",
                    f"add {name}={_example(_parameters(construction.kind)[name])}",
                )

    def _report(self, rule: str, location: Location, message: str, help: str | None = None) -> None:  # noqa: A002
        self.problems.append(Problem(rule, location, message, help))


def _identity(value: object) -> object:
    return value if value is MISSING else None


def _kind(construction: Construction) -> str:
    return construction.kind.__name__


@cache
def _parameters(kind: type) -> Mapping[str, Any]:
    """Parameter names in order with their annotations."""
    if kind is VersionRange:
        return {"range_spec": str}
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


@cache
def _required(kind: type) -> tuple[str, ...]:
    if kind is VersionRange:
        return ("range_spec",)
    return tuple(
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )


def fits(value: object, annotation: Any) -> bool:
    """Whether ``value`` is of the annotated type (the types that the SDK's metadata uses)."""
    origin = typing.get_origin(annotation)
    if annotation is Any:
        return True
    if origin in {typing.Union, types.UnionType}:
        return any(fits(value, option) for option in typing.get_args(annotation))
    if annotation is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation is types.NoneType or annotation is None:
        return value is None
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, dict) and all(
            fits(key, typing.get_args(annotation)[0]) and fits(item, typing.get_args(annotation)[1])
            for key, item in value.items()
        )
    if origin is not None and issubclass(origin, Sequence):
        return isinstance(value, (list, tuple)) and all(fits(item, typing.get_args(annotation)[0]) for item in value)
    return isinstance(annotation, type) and _is_instance(value, annotation)


def _is_instance(value: object, kind: type) -> bool:
    if kind is str and isinstance(value, Enum):
        return False
    return isinstance(value, kind)


def _holds_missing(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return any(item is MISSING or _holds_missing(item) for item in value)
    if isinstance(value, dict):
        return any(item is MISSING or _holds_missing(item) for item in value.values())
    return value is MISSING


def _spell(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, types.UnionType}:
        return " or ".join(_spell(option) for option in typing.get_args(annotation))
    if annotation is types.NoneType:
        return "None"
    if origin is not None and issubclass(origin, Mapping):
        return "a dict of strings" if typing.get_args(annotation)[1] is str else "a dict"
    if origin is not None and issubclass(origin, Sequence):
        return f"a list of {_spell(typing.get_args(annotation)[0])}"
    return getattr(annotation, "__name__", str(annotation))


def _spell_value(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text}" if len(text) <= 40 else type(value).__name__


def _example(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, types.UnionType}:
        return "None" if types.NoneType in typing.get_args(annotation) else _example(typing.get_args(annotation)[0])
    if origin is not None and issubclass(origin, Mapping):
        return "{}"
    if origin is not None and issubclass(origin, Sequence):
        return "[]"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return f"{annotation.__name__}.{next(iter(annotation)).name}"
    if annotation in {str, int, float, bool}:
        return {str: '"…"', int: "0", float: "0.0", bool: "False"}[annotation]
    return f"{_spell(annotation)}(…)"
