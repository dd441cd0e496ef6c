"""A policy file against the published schema: every problem at once, each at its line and column."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, islice
from typing import Any

from theodore_loader.permissions import PatternError, Permission
from theodore_loader.policy.entry_problems import entry_problems
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
    found = chain(_schema_problems(document), _pattern_problems(document), entry_problems(document))
    problems = list(islice(found, MAX_PROBLEMS))
    if problems:
        raise PolicyProblems(label, problems)


def problems_against(document: Document, schema: bytes) -> Iterator[Problem]:
    """Yield what does not fit a JSON Schema (2020-12); other YAML files than policies are held to theirs, too."""
    for error in _validator(schema).iter_errors(document.value):
        yield from _translated(error, document)


@cache
def _validator(schema: bytes) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema))


def _schema_problems(document: Document) -> Iterator[Problem]:
    return problems_against(document, schema_bytes())


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
    """Report the name of a rule that no policy can set: misspelt, or beyond every policy's reach."""
    name = str(error.instance)
    place = document.position((*path, name), key=True)
    if name in _definition("fixed_rule"):
        yield Problem(*place, f"{name} cannot be set: nobody may silence it", "")
    else:
        known = [*_settable_rules(), *(_definition("fixed_rule") if "tests" in path else ())]
        help_ = _nearest(name, known) or "see docs/rules/, or write tool/ID"
        yield Problem(*place, f"there is no rule {name[:64]!r}", help_)


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
    for path, permissions in _permission_tables(value):
        for kind, rules in permissions.items():
            for side in ("allow", "deny") if isinstance(rules, dict) and kind in _permission_types() else ():
                entries = rules.get(side)
                yield from _listed((*path, kind, side), kind, entries if isinstance(entries, list) else [])


def _permission_tables(value: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the policy's own permissions and those of its categories."""
    if not isinstance(value, dict):
        return
    places: list[tuple[Path, Any]] = [(("permissions",), value.get("permissions"))]
    categories = value.get("categories")
    for name, ceiling in categories.items() if isinstance(categories, dict) else ():
        if isinstance(ceiling, dict):
            places.append((("categories", name, "permissions"), ceiling.get("permissions")))
    yield from ((path, table) for path, table in places if isinstance(table, dict))


def _listed(path: Path, kind: str, entries: list[Any]) -> Iterator[tuple[Path, str, str]]:
    for index, entry in enumerate(entries):
        if isinstance(entry, str):
            yield (*path, index), kind, entry
        elif isinstance(entry, dict) and isinstance(entry.get("pattern"), str):
            yield (*path, index, "pattern"), kind, entry["pattern"]


@cache
def _permission_types() -> frozenset[str]:
    return frozenset(json.loads(schema_bytes())["$defs"]["permissions"]["properties"])


@cache
def _settable_rules() -> tuple[str, ...]:
    return tuple(json.loads(schema_bytes())["$defs"]["rule_name"]["anyOf"][0]["enum"])


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
