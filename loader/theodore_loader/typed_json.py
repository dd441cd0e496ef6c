"""JSON values into frozen dataclasses by their annotations, every problem collected with its JSON pointer (RFC 6901).

Reads what the SDK's metadata is made of: text, numbers, enumerations, version ranges, sequences, mappings, and
dataclasses of these. Fields without a default are required, unknown ones refused with the nearest name.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from theodore_sdk.versions import VersionRange

MAX_ITEMS = 256
MAX_TEXT = 32 * 1024

_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_NUMBERS = (int, float, bool)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")


class Reader:
    """Builds dataclasses from JSON values by their annotations, collecting problems instead of stopping."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []

    def read(self, wanted: Any, value: Any, pointer: str) -> Any:
        """Return ``value`` as ``wanted``; on a problem, note it and return ``None``."""
        kind, origin, arguments = _shape(wanted)
        if kind == "optional":
            return None if value is None else self.read(arguments[0], value, pointer)
        if kind == "collection":
            return self._collection(origin, arguments, value, pointer)
        if kind == "object":
            return self._object(wanted, value, pointer)
        return self._scalar(wanted, value, pointer)

    def _collection(self, origin: Any, arguments: tuple[Any, ...], value: Any, pointer: str) -> Any:
        if not isinstance(value, dict if origin is Mapping else list):
            return self._note(
                pointer, f"{'an object' if origin is Mapping else 'a list'} is wanted, not {_kind(value)}"
            )
        if len(value) > MAX_ITEMS:
            return self._note(pointer, f"{len(value)} entries are more than {MAX_ITEMS}")
        if isinstance(value, list):
            return tuple(self.read(arguments[0], item, f"{pointer}/{index}") for index, item in enumerate(value))
        if arguments[1] is Any:
            return value
        return {key: self.read(arguments[1], item, f"{pointer}/{escape(key)}") for key, item in value.items()}

    def _object(self, wanted: type, value: Any, pointer: str) -> Any:
        if not isinstance(value, dict):
            return self._note(pointer, f"an object is wanted, not {_kind(value)}")
        types, required = _fields(wanted)
        for name in value.keys() - types.keys():
            self._note(f"{pointer}/{escape(name)}", f"unknown field{_nearest(name, types)}")
        for name in required:
            if name not in value:
                self._note(f"{pointer}/{name}", "missing")
        made = {
            name: value[name] if _is_plain(kind, value[name]) else self.read(kind, value[name], f"{pointer}/{name}")
            for name, kind in types.items()
            if name in value
        }
        return None if self.problems else wanted(**made)

    def _scalar(self, wanted: Any, value: Any, pointer: str) -> Any:
        if wanted is VersionRange or (isinstance(wanted, type) and issubclass(wanted, Enum)):
            return self._converted(wanted, value, pointer)
        if wanted is float and type(value) is int:
            return float(value)
        if type(value) is not wanted:
            return self._note(pointer, f"{_WORDS[wanted]} is wanted, not {_kind(value)}")
        if _is_plain(wanted, value):
            return value
        return self._note(pointer, f"text with control characters or over {MAX_TEXT:,} characters")

    def _converted(self, wanted: Callable[[str], Any], value: Any, pointer: str) -> Any:
        if not isinstance(value, str):
            return self._note(pointer, f"text is wanted, not {_kind(value)}")
        try:
            return wanted(value)
        except ValueError as error:
            if not isinstance(wanted, type) or not issubclass(wanted, Enum):
                return self._note(pointer, str(error))
            known = [str(member.value) for member in wanted]
            return self._note(pointer, f"{value[:64]!r} is not one of {', '.join(known)}{_nearest(value, known)}")

    def _note(self, pointer: str, message: str) -> None:
        self.problems.append((pointer, message))


def _is_plain(wanted: Any, value: Any) -> bool:
    """Tell whether a value is of a plain type that is wanted, and nothing has to be noted about it: most are."""
    if type(value) is not wanted:
        return False
    if wanted is not str:
        return wanted in _NUMBERS
    # whatever can be printed holds none, and that is told in half the time of a search
    return len(value) <= MAX_TEXT and (value.isprintable() or not _CONTROL.search(value))


@cache
def _shape(wanted: Any) -> tuple[str, Any, tuple[Any, ...]]:
    """Return what an annotation is: its kind, origin and arguments."""
    if isinstance(wanted, UnionType):
        return "optional", None, get_args(wanted)
    if get_origin(wanted) is not None:
        return "collection", get_origin(wanted), get_args(wanted)
    known = dataclasses.is_dataclass(wanted) and wanted is not VersionRange
    return "object" if known else "scalar", None, ()


@cache
def _fields(wanted: type) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the fields of a dataclass with their types, in order, and the names of those that must be there."""
    hints = get_type_hints(wanted)
    fields = dataclasses.fields(wanted)
    required = [field.name for field in fields if field.default is MISSING and field.default_factory is MISSING]
    return {field.name: hints[field.name] for field in fields}, tuple(required)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def escape(key: str) -> str:
    """Escape a key for a JSON pointer, shortened so that a hostile key cannot flood the message."""
    return ascii(key[:64])[1:-1].replace("~", "~0").replace("/", "~1")


def _nearest(word: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    close = difflib.get_close_matches(word[:64], list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""
