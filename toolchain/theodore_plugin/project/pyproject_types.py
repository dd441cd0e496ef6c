"""The types of the ``pyproject.toml`` fields that decide something here (PEP 518, PEP 621).

A build backend refuses the same mistakes, later and in other words; the rules may rely on these types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from theodore_loader.errors import ConfigurationProblem

_TABLE, _TEXT, _TEXTS = "a table", "a string", "a list of strings"
_TYPES: Mapping[tuple[str, ...], str] = {
    ("project",): _TABLE,
    ("build-system",): _TABLE,
    ("tool",): _TABLE,
    ("project", "name"): _TEXT,
    ("project", "version"): _TEXT,
    ("project", "requires-python"): _TEXT,
    ("project", "dynamic"): _TEXTS,
    ("project", "dependencies"): _TEXTS,
    ("project", "optional-dependencies"): _TABLE,
    ("project", "optional-dependencies", "*"): _TEXTS,
    ("project", "entry-points"): _TABLE,
    ("project", "entry-points", "*"): _TABLE,
    ("build-system", "requires"): _TEXTS,
    ("build-system", "build-backend"): _TEXT,
}


def refuse_wrong_types(text: str, document: Mapping[str, Any]) -> None:
    """Raise ConfigurationProblem naming every field of another type, with its line."""
    problems = [
        f"pyproject.toml:{_line(text, path[-1])}: {'.'.join(path)} is not {wanted}"
        for pattern, wanted in _TYPES.items()
        for path, value in _at(document, pattern)
        if not _fits(value, wanted)
    ]
    if problems:
        raise ConfigurationProblem(
            "\n".join(problems), help="packaging.python.org describes the fields of pyproject.toml"
        )


def _at(value: Any, pattern: tuple[str, ...], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Find what a pattern names; below something that is no table there is nothing."""
    if not pattern:
        yield path, value
    elif isinstance(value, Mapping):
        for key in value if pattern[0] == "*" else (pattern[0],):
            if key in value:
                yield from _at(value[key], pattern[1:], (*path, key))


def _fits(value: Any, wanted: str) -> bool:
    if wanted == _TABLE:
        return isinstance(value, Mapping)
    if wanted == _TEXT:
        return isinstance(value, str)
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _line(text: str, key: str) -> int:
    """Return the line that assigns the key or opens its table, as nearly as a look at the text can say."""
    written = re.compile(rf"""^\s*(?:\[.*)?["']?{re.escape(key)}["']?\s*[=\].]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if written.search(line)), 1)
