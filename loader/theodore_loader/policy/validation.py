"""A policy file against the published schema: every problem at once, each at its line and column."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, islice
from typing import Any

from theodore_loader.permissions import PatternError, Permission
from theodore_loader.policy.problems import PolicyProblems, Problem
from theodore_loader.policy.schema import schema_bytes
from theodore_loader.policy.yaml_reader import Document, Path

MAX_PROBLEMS = 500
"""Nobody corrects more at once, and finding the nearest name takes time."""

_WORDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def validate(document: Document, label: str) -> None:
    """Raise :class:`PolicyProblems` unless the document fits the schema and every pattern its grammar."""
    problems = list(islice(chain(_schema_problems(document), _pattern_problems(document)), MAX_PROBLEMS))
    if problems:
        raise PolicyProblems(label, problems)


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema_bytes()))


def _schema_problems(document: Document) -> Iterator[Problem]:
    for error in _validator().iter_errors(document.value):
        yield from _translated(error, document)


def _translated(error: Any, document: Document) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    translate = _TRANSLATIONS.get(str(error.validator))
    if translate is None:
        yield Problem(*document.position(path), f"{_where(path)}: {error.message}", "")
    else:
        yield from translate(error, path, document)


def _unknown_keys(error: Any, path: Path, document: Document) -> Iterator[Problem]:
    known = list(error.schema.get("properties", ()))
    for key in error.instance:
        if key not in known:
            place = document.position((*path, key), key=True)
            few = f"known are {', '.join(known)}" if len(known) <= 10 else ""
            yield Problem(*place, f"unknown key {key!r} in {_where(path)}", _nearest(key, known) or few)


def _unknown_rule(error: Any, path: Path, document: Document) -> Iterator[Problem]:
    """Report a key under ``rules`` that no policy can set: misspelt, or beyond every policy's reach."""
    name = str(error.instance)
    place = document.position((*path, name), key=True)
    if name in _definition("fixed_rule"):
        yield Problem(*place, f"{name} cannot be set: nobody may silence it", "")
    else:
        known = [one for choice in error.validator_value for one in choice.get("enum", ())]
        yield Problem(
            *place, f"there is no rule {name!r}", _nearest(name, known) or "see docs/rules/, or write tool/ID"
        )


def _wrong_type(error: Any, path: Path, document: Document) -> Iterator[Problem]:
    wanted = error.validator_value
    words = " or ".join(_WORDS[name] for name in ([wanted] if isinstance(wanted, str) else wanted))
    message = f"{_where(path)}: {words} is wanted, not {_kind(error.instance)}"
    help_ = "yes, no, on and off are plain text in YAML 1.2" if wanted == "boolean" else ""
    yield Problem(*document.position(path), message, help_)


def _wrong_choice(error: Any, path: Path, document: Document) -> Iterator[Problem]:
    known = [str(choice) for choice in error.validator_value]
    message = f"{_where(path)}: {str(error.instance)[:64]!r} is not possible here"
    help_ = f"one of {', '.join(known)}" if len(known) <= 8 else _nearest(str(error.instance), known)
    yield Problem(*document.position(path), message, help_)


def _missing(error: Any, path: Path, document: Document) -> Iterator[Problem]:
    for key in error.validator_value:
        if key not in error.instance:
            yield Problem(*document.position(path), f"{_where(path)}: {key} is missing", "")


def _refused_name(error: Any, path: Path, document: Document) -> Iterator[Problem]:
    """Report text that a ``pattern`` refuses; the schema's description says what is wanted."""
    message = f"{_where(path)}: {str(error.instance)[:64]!r} does not fit"
    yield Problem(*document.position(path), message, str(error.schema.get("description", "")))


_TRANSLATIONS: dict[str, Callable[[Any, Path, Document], Iterator[Problem]]] = {
    "additionalProperties": _unknown_keys,
    "anyOf": _unknown_rule,
    "enum": _wrong_choice,
    "pattern": _refused_name,
    "required": _missing,
    "type": _wrong_type,
}


def _pattern_problems(document: Document) -> Iterator[Problem]:
    for path, kind, pattern in _patterns(document.value):
        try:
            Permission.parse(kind, pattern)
        except PatternError as error:
            yield Problem(*document.position(path), str(error), "the grammar is in docs/permissions.md")


def _patterns(value: Any) -> Iterator[tuple[Path, str, str]]:
    """Yield every pattern that stands where the schema wants one, whatever else may be wrong with the file."""
    permissions = value.get("permissions") if isinstance(value, dict) else None
    for kind, rules in permissions.items() if isinstance(permissions, dict) else ():
        for side in ("allow", "deny") if isinstance(rules, dict) and kind in _permission_types() else ():
            entries = rules.get(side)
            for index, entry in enumerate(entries if isinstance(entries, list) else ()):
                path: Path = ("permissions", kind, side, index)
                if isinstance(entry, str):
                    yield path, kind, entry
                elif isinstance(entry, dict) and isinstance(entry.get("pattern"), str):
                    yield (*path, "pattern"), kind, entry["pattern"]


@cache
def _permission_types() -> frozenset[str]:
    return frozenset(json.loads(schema_bytes())["properties"]["permissions"]["properties"])


@cache
def _definition(name: str) -> frozenset[str]:
    return frozenset(json.loads(schema_bytes())["$defs"][name]["enum"])


def _where(path: Path) -> str:
    return ".".join(str(part) if isinstance(part, str) else f"{part + 1}" for part in path) or "the policy"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    names: dict[type, str] = {dict: "a mapping", list: "a list", str: "text"}
    return names.get(type(value), "nothing")


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word[:64], known, 1, 0.5)
    return f"did you mean {close[0]}?" if close else ""
