"""Reading a user's capability file: everything that is wrong with it at once, each with its line and a remedy."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.regular_file import read_beyond
from theodore_plugin.inference.capabilities.consistency import Problem, problems_of
from theodore_plugin.inference.capabilities.sections import Section, from_document

if TYPE_CHECKING:
    from jsonschema import ValidationError

MAX_BYTES = 4 * 1024 * 1024
SCHEMA = "policies/schemas/capabilities.schema.json"
_HEADER = re.compile(r"^\s*\[\[\s*library\s*\]\]")


def read_own(path: Path) -> tuple[bytes, Sequence[Section]]:
    """Read and check one file. Raises ConfigurationProblem with one line per problem."""
    data = _bytes(path)
    text = _text(path, data)
    document = _document(path, text)
    problems = [*_schema_problems(document)] or [*_consistency_problems(document)]
    if problems:
        lines = [f"{path}:{line_of(text, problem)}: {problem.key}: {problem.message}" for problem in problems]
        remedies = dict.fromkeys(problem.remedy for problem in problems)
        raise ConfigurationProblem("\n".join(lines), help="; ".join(remedies))
    return data, tuple(from_document(document))


def _bytes(path: Path) -> bytes:
    try:
        data = read_beyond(path, MAX_BYTES)
    except OSError as error:
        raise ConfigurationProblem(
            f"capability map {path}: {error.strerror}", help="--capability-map takes a readable TOML file"
        ) from error
    if len(data) > MAX_BYTES:
        raise ConfigurationProblem(
            f"capability map {path} is larger than {MAX_BYTES} bytes", help="split it: --capability-map can be repeated"
        )
    return data


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationProblem(f"{path}:{line}: not UTF-8", help="TOML files are UTF-8; save it as that") from error


def _document(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = re.search(r"at line (\d+)", str(error))
        line = found[1] if found else str(text.count("\n") + 1)
        raise ConfigurationProblem(f"{path}:{line}: not TOML: {error}", help=f"the form is {SCHEMA}") from error


def _schema_problems(document: dict[str, Any]) -> Iterator[Problem]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    schema = json.loads((policies_dir() / "schemas" / "capabilities.schema.json").read_text(encoding="utf-8"))
    found = Draft202012Validator(schema).iter_errors(document)
    for error in sorted(found, key=lambda error: [str(part) for part in error.absolute_path]):
        yield _problem(document, best_match([error]) if error.context else error)


def _problem(document: dict[str, Any], error: ValidationError) -> Problem:
    path = list(error.absolute_path)
    library = path[1] if len(path) > 1 and isinstance(path[1], int) else None
    key, remedy = _advice(error)
    module = _module_of(document, library)
    return Problem(library or 0, f"{module}{key}" if module else key, error.message, remedy, _needle(error, key))


def _module_of(document: dict[str, Any], library: int | None) -> str:
    described = document["library"][library] if library is not None else {}
    module = described.get("module") if isinstance(described, dict) else None
    return f"{module} " if isinstance(module, str) else ""


def _advice(error: ValidationError) -> tuple[str, str]:
    """Return the key a problem is about, and what to do."""
    named = [str(part) for part in error.absolute_path if isinstance(part, str)]
    key = named[-1] if named else "library"
    value: Any = error.validator_value
    instance: Any = error.instance
    known = list(error.schema.get("properties", ())) if isinstance(error.schema, dict) else []
    if error.validator == "additionalProperties":
        key = next((name for name in instance if name not in known), key)
        close = get_close_matches(key, known, n=1)
        return key, f"did you mean {close[0]}?" if close else f"a table here takes {', '.join(known)}"
    if error.validator == "required":
        missing = next((name for name in value if name not in instance), key)
        return missing, f"add {missing} = ..."
    if error.validator == "enum":
        return key, f"{key} is one of {', '.join(map(str, value))}"
    return key, f"see {SCHEMA}"


def _needle(error: ValidationError, key: str) -> str:
    """Return what to look for in the text to find the line."""
    return f'"{error.instance}"' if isinstance(error.instance, str) else key


def _consistency_problems(document: dict[str, Any]) -> Iterable[Problem]:
    return problems_of(document.get("library", []))


def line_of(text: str, problem: Problem) -> int:
    """Return the line a problem is on: the first in its library that holds the needle, else its header."""
    lines = text.splitlines()
    headers = [number for number, line in enumerate(lines, 1) if _HEADER.match(line)]
    if problem.library >= len(headers):
        return 1
    start = headers[problem.library]
    end = headers[problem.library + 1] if problem.library + 1 < len(headers) else len(lines) + 1
    return next((number for number in range(start, end) if problem.needle in lines[number - 1]), start)
