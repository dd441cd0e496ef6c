"""Changes to ``pyproject.toml``: made in tomlkit's document, taken over as the smallest difference between texts."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Edit, NoFix
from theodore_plugin.fixes.source import Source
from theodore_plugin.project.model import PYPROJECT

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

Change = Callable[[Any], None]
"""Changes a document, or a part of one, in place."""


def edit(context: FixContext, change: Change) -> Edit:
    """Change the project file. Raises NoFix where tomlkit would not leave the rest as it is."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    text = context.rules.project.pyproject_text
    if context.rules.project.project_file != PYPROJECT or not text:
        raise NoFix("there is no pyproject.toml")
    try:
        document = tomlkit.parse(text)
        if document.as_string() != text:
            raise NoFix("tomlkit would write the file differently")
        change(document)
        new = document.as_string()
        tomllib.loads(new)
    except (TOMLKitError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, RecursionError) as problem:
        raise NoFix(f"{PYPROJECT} cannot be changed: {problem}") from None
    source = Source(PYPROJECT, text.encode())
    edit = source.replace(0, len(text), new)
    added = edit.after.strip()
    # an item with a comma of its own can stand beside others; the first item of an empty array has none
    return replace(edit, joins=not edit.before and (added.startswith(b",") or added.endswith(b",")))


def in_dependencies(context: FixContext, change: Change) -> Edit:
    """Change the array ``[project] dependencies``."""

    def changed(document: TOMLDocument) -> None:
        table: Any = document["project"]
        change(table["dependencies"])

    return edit(context, changed)


def replace_string(values: Any, key: Any, new: str) -> None:
    """Write another string in a table or array, with the quotes it had."""
    import tomlkit

    literal = values[key].as_string().startswith("'") and "'" not in new
    values[key] = tomlkit.string(new, literal=literal)


def index_of(lines: Any, name: str) -> int:
    """Return which requirement of an array names a distribution. Raises NoFix unless exactly one does."""
    found = [number for number, line in enumerate(lines) if _name(str(line)) == canonicalize_name(name)]
    if len(found) != 1:
        raise NoFix(f"{name} stands in {len(found)} places among the dependencies")
    return found[0]


def _name(line: str) -> str | None:
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return None
