"""What a configuration schema from a stranger may not do: reach out, contain itself, grow, or stall the matcher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from theodore_loader.config.regexes import regex_problem
from theodore_loader.strict_json import JsonError, canonical, check_plain

MAX_BYTES = 128 * 1024
MAX_EXPANDED = 20_000
"""Nodes of the schema with every ``$ref`` written out: bounds the work of validating one value."""

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_REFUSED = {
    "$id": "it changes what references mean",
    "$anchor": "references are JSON pointers here",
    "$dynamicRef": "references are JSON pointers here",
    "$dynamicAnchor": "references are JSON pointers here",
    "$recursiveRef": "it belongs to an older draft",
    "$vocabulary": "the vocabulary is fixed",
    "unevaluatedProperties": "use additionalProperties",
    "unevaluatedItems": "use items",
}
_LITERAL = frozenset({"default", "const", "enum", "examples"})
"""Keywords whose values are data, not schemas."""
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose values map free names to schemas."""
_NOT_APPLIED = _LITERAL | {"$defs", "definitions"}
"""Keywords that validate nothing by themselves."""

Found = tuple[str, str]


def schema_problems(schema: Mapping[str, Any]) -> list[Found]:
    """Return every (JSON pointer, message) that makes the schema unacceptable; empty if it may be used."""
    try:
        check_plain(schema)
        size = len(canonical(schema))
    except (JsonError, TypeError, ValueError) as error:
        return [("", f"not JSON: {error}")]
    if size > MAX_BYTES:
        return [("", f"{size:,} bytes are more than {MAX_BYTES:,}")]
    problems = [found for pointer, node in _schemas(schema, "") for found in _node_problems(node, pointer, schema)]
    return problems or _expansion_problems(schema) or _draft_problems(schema)


def resolve(schema: Mapping[str, Any], reference: str) -> Any:
    """Follow a local reference (``#/$defs/name``); raises :class:`LookupError` where it leads nowhere."""
    if reference != "#" and not reference.startswith("#/"):
        raise LookupError(reference)
    node: Any = schema
    for part in reference[2:].split("/") if reference != "#" else ():
        name = part.replace("~1", "/").replace("~0", "~")
        node = node[int(name)] if isinstance(node, list) and name.isdecimal() else node[name]
    return node


def _schemas(node: Any, pointer: str, *, named: bool = False) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every mapping in schema position with its JSON pointer."""
    if isinstance(node, list | tuple):
        for index, item in enumerate(node):
            yield from _schemas(item, f"{pointer}/{index}")
    if not isinstance(node, Mapping):
        return
    if not named:
        yield pointer, node
    for key, value in node.items():
        if named or key not in _LITERAL:
            inside = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            yield from _schemas(value, inside, named=not named and key in _NAMED)


def _node_problems(node: Mapping[str, Any], pointer: str, root: Mapping[str, Any]) -> Iterator[Found]:
    for keyword in node.keys() & _REFUSED.keys():
        yield f"{pointer}/{keyword}", f"{keyword} is not accepted: {_REFUSED[keyword]}"
    if node.get("$schema", DRAFT) not in (DRAFT, f"{DRAFT}#"):
        yield f"{pointer}/$schema", f"only {DRAFT} is accepted"
    patterns = [node["pattern"]] if isinstance(node.get("pattern"), str) else []
    named = node.get("patternProperties")
    for pattern in [*patterns, *(named if isinstance(named, Mapping) else ())]:
        problem = regex_problem(pattern)
        if problem is not None:
            yield pointer, f"the pattern {pattern[:64]!r} is not accepted: {problem}"
    if "$ref" in node:
        yield from _reference_problems(node["$ref"], pointer, root)


def _reference_problems(reference: Any, pointer: str, root: Mapping[str, Any]) -> Iterator[Found]:
    if not isinstance(reference, str) or (reference != "#" and not reference.startswith("#/")):
        yield f"{pointer}/$ref", "only references inside this schema (#/...) are followed, never files or addresses"
        return
    try:
        resolve(root, reference)
    except (LookupError, TypeError, ValueError):
        yield f"{pointer}/$ref", f"{reference[:64]!r} leads nowhere"


def _expansion_problems(schema: Mapping[str, Any]) -> list[Found]:
    try:
        size = _Expansion(schema).size(schema)
    except RecursionError:
        return [("", "the schema contains itself or is nested too deeply")]
    if size > MAX_EXPANDED:
        return [("", f"with its references written out it has {size:,} parts, more than {MAX_EXPANDED:,}")]
    return []


class _Expansion:
    """Counts the schema's nodes as if every reference were written out; shared parts are counted once per use."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.known: dict[str, int] = {}
        self.open: set[str] = set()

    def size(self, node: Any, *, named: bool = False) -> int:
        """Return the size of a node; raises :class:`RecursionError` for a schema inside itself."""
        if isinstance(node, list | tuple):
            return 1 + sum(self.size(item) for item in node)
        if not isinstance(node, Mapping):
            return 1
        if named:
            return 1 + sum(self.size(item) for item in node.values())
        applied = {key: item for key, item in node.items() if key not in _NOT_APPLIED}
        below = sum(self.size(item, named=key in _NAMED) for key, item in applied.items())
        reference = node.get("$ref")
        return 1 + below + (self._reference(reference) if isinstance(reference, str) else 0)

    def _reference(self, reference: str) -> int:
        if reference in self.open:
            raise RecursionError(reference)
        if reference not in self.known:
            self.open.add(reference)
            self.known[reference] = self.size(resolve(self.root, reference))
            self.open.remove(reference)
        return self.known[reference]


def _draft_problems(schema: Mapping[str, Any]) -> list[Found]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        pointer = "".join(f"/{part}" for part in error.absolute_path)
        return [(pointer, f"not a JSON Schema of draft 2020-12: {error.message[:200]}")]
    return []
