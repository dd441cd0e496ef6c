"""The published schemas of settings, and one validator for both places where they stand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from theodore_loader.data import policies_dir

PROJECT = "config"
"""``[tool.theodore-plugin]`` of a project's ``pyproject.toml``."""
STANDING = "standing-config"
"""This user's ``config.toml``."""


@cache
def schema(name: str) -> Mapping[str, Any]:
    """Return ``policies/schemas/NAME.schema.json``."""
    loaded: dict[str, Any] = json.loads((policies_dir() / "schemas" / f"{name}.schema.json").read_bytes())
    return loaded


def tool_schema(tool: str) -> dict[str, Any]:
    """Return the schema of ``[tool.theodore-plugin]``, for validate-pyproject (its entry point names this function)."""
    return dict(schema(PROJECT))


def keys(name: str, *inside: str) -> tuple[str, ...]:
    """Return the keys a table takes: of the whole schema, or of the table ``inside`` it."""
    known: Any = schema(name)
    for part in inside:
        known = known["properties"][part]
    return tuple(known["properties"])


def problems(value: Any, name: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield everything wrong with a table: the path to it and what to say."""
    from jsonschema import Draft7Validator  # a tenth of a second, paid where a table is written

    for error in sorted(Draft7Validator(schema(name)).iter_errors(value), key=lambda one: list(map(str, one.path))):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            yield from (((*path, key), _unknown(key, known)) for key in error.instance if key not in known)
        else:
            yield path, _said(error)


def _unknown(key: str, known: list[str]) -> str:
    close = get_close_matches(key.replace("_", "-"), known, n=1)
    return f"has no key {key!r}" + (f"; did you mean {close[0]!r}?" if close else "")


_TYPES = {"string": "text in quotes", "array": "a list", "boolean": "true or false", "object": "a table"}


def _said(error: Any) -> str:
    name = next((part for part in reversed(error.absolute_path) if isinstance(part, str)), "this")
    match error.validator:
        case "type":
            return f"{name} is {_TYPES.get(error.validator_value, error.validator_value)}, not {error.instance!r:.64}"
        case "enum":
            known = [choice for choice in error.validator_value if isinstance(choice, str)]
            choices = ", ".join(known)
            close = get_close_matches(str(error.instance)[:64], known, n=1)
            return f"{name} is one of {choices}, not {error.instance!r:.64}" + (
                f"; did you mean {close[0]!r}?" if close else ""
            )
        case "pattern":
            return f"{error.instance!r:.64} is no name of a rule"
        case _:
            return f"{name}: {error.message:.200}"
