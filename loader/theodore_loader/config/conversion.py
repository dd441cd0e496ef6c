"""Defaults filled in and text turned into numbers and truth values, as far as a schema says so plainly.

Environment variables and command lines only carry text. Text is converted where the schema wants a number or a truth
value *and no text*, and the text is one; whatever does not convert stays as it is, for the validator to name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from theodore_loader.config.schema_guard import resolve

_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][-+]?[0-9]{1,2})?", re.ASCII)


def complete(value: Any, schema: Any, root: Mapping[str, Any]) -> Any:
    """Return a copy of ``value`` with conversions made and defaults filled in; ``value`` is left alone."""
    if isinstance(value, Mapping):
        result = {key: complete(item, _property(key, schema, root), root) for key, item in value.items()}
        for name, default in _defaults(schema, root):
            result.setdefault(name, default)
        return result
    if isinstance(value, list | tuple):
        items: Any = next((part["items"] for part in _parts(schema, root) if "items" in part), {})
        return [complete(item, items, root) for item in value]
    return _converted(value, _types(schema, root)) if isinstance(value, str) else value


def _parts(schema: Any, root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every schema that certainly applies: the schema itself, what it refers to, and its ``allOf``."""
    if isinstance(schema, Mapping):
        yield schema
        if isinstance(schema.get("$ref"), str):
            yield from _parts(resolve(root, schema["$ref"]), root)
        for part in schema.get("allOf", ()):
            yield from _parts(part, root)


def _property(name: str, schema: Any, root: Mapping[str, Any]) -> Any:
    """Return the schema of one property, or that of any additional one."""
    parts = list(_parts(schema, root))
    for part in parts:
        if name in part.get("properties", {}):
            return part["properties"][name]
    return next((part["additionalProperties"] for part in parts if "additionalProperties" in part), {})


def _defaults(schema: Any, root: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each property that has a default, or whose own required properties all have one."""
    for part in _parts(schema, root):
        for name, wanted in part.get("properties", {}).items():
            found, default = _default(wanted, root)
            if found:
                yield name, default


def _default(schema: Any, root: Mapping[str, Any]) -> tuple[bool, Any]:
    parts = list(_parts(schema, root))
    for part in parts:
        if "default" in part:
            return True, complete(part["default"], schema, root)
    filled = dict(_defaults(schema, root))
    required = {name for part in parts for name in part.get("required", ())}
    return bool(filled) and required <= filled.keys(), filled


def _types(schema: Any, root: Mapping[str, Any]) -> frozenset[str]:
    """Return the types a value may have; empty if the schema does not say."""
    stated = [part["type"] for part in _parts(schema, root) if "type" in part]
    sets = [{one} if isinstance(one, str) else set(one) for one in stated]
    return frozenset(set.intersection(*sets)) if sets else frozenset()


def _converted(text: str, types: frozenset[str]) -> Any:
    word = text.strip().lower()
    if not types or "string" in types:
        return text
    if "integer" in types and _INTEGER.fullmatch(word):
        return int(word)
    if "number" in types and _NUMBER.fullmatch(word):
        return int(word) if _INTEGER.fullmatch(word) else float(word)
    if "boolean" in types and word in _TRUE | _FALSE:
        return word in _TRUE
    return text
