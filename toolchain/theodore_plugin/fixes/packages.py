"""A dependency stands in two places, ``[project] dependencies`` and ``required_packages``: both change together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import added, removed, text
from theodore_plugin.fixes.model import Edit, NoFix
from theodore_plugin.fixes.syntax import quoted
from theodore_plugin.fixes.toml import in_dependencies, index_of, replace_string
from theodore_plugin.rules.dependencies.locked import parsed

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_SPECIFIER = re.compile(r"\s*[\w.-]+\s*(?:\[[^\]]*\])?\s*\(?(?P<specifier>[^;)]*)")
"""The range in a requirement that packaging has accepted (PEP 508); addresses are left to it."""
REQUIRED = "/required_packages"


def needs(context: FixContext) -> Iterator[tuple[Requirement, str]]:
    """Iterate over ``[project] dependencies``, each with its range as it is written."""
    for line in context.rules.project.table.get("dependencies", ()):
        found = _SPECIFIER.match(line)
        for need in parsed([line]):
            written = found["specifier"].strip() if found and not need.url else str(need.specifier)
            yield need, written


def listed(context: FixContext, name: str) -> int | None:
    """Return which item of ``required_packages`` names a distribution, if one does."""
    items = context.rules.metadata.values.get("required_packages", ())
    wanted = canonicalize_name(name)
    return next((number for number, item in enumerate(items) if canonicalize_name(item.name) == wanted), None)


def list_package(context: FixContext, name: str, specifier: str) -> tuple[Edit, ...]:
    """Add a distribution to ``required_packages``, if this is a plugin; a library has no such list."""
    if context.rules.metadata.plugin is None:
        return ()
    return added(context, REQUIRED, "PackageDependency", f"{quoted(name)}, {quoted(specifier)}")


def unlist_package(context: FixContext, name: str) -> tuple[Edit, ...]:
    """Take a distribution out of ``required_packages``, if it is there."""
    number = listed(context, name)
    return () if number is None else (removed(context, REQUIRED, number),)


def bound_package(context: FixContext, name: str, specifier: str) -> tuple[Edit, ...]:
    """Write another range for a distribution in ``required_packages``, if it is there."""
    number = listed(context, name)
    return () if number is None else (text(context, f"{REQUIRED}/{number}/version_requirement", specifier),)


def depend(context: FixContext, line: str) -> Edit:
    """Add a requirement to ``[project] dependencies``."""
    return in_dependencies(context, lambda lines: lines.append(line))


def depend_no_more(context: FixContext, name: str) -> Edit:
    """Take a requirement out of ``[project] dependencies``."""
    return in_dependencies(context, lambda lines: lines.pop(index_of(lines, name)))


def depend_differently(context: FixContext, name: str, line: str) -> Edit:
    """Write a requirement of ``[project] dependencies`` differently."""
    if canonicalize_name(name) not in canonicalize_name(line):
        raise NoFix(f"{line} is another distribution")
    return in_dependencies(context, lambda lines: replace_string(lines, index_of(lines, name), line))
