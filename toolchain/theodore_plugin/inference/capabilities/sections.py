"""Capability files cut into libraries, so that only those a project uses are read.

A file is a list of harmless modules, and a sequence of ``[[library]]`` tables. Reading all of TOML takes ten times as
long as everything else the map does, and a plugin uses a handful of libraries: shipped files are cut at their
``[[library]]`` lines, and a table is parsed when a name of one of its roots is looked up. The files keep to a form that
allows it: ``module`` is the first key, and no text holds such a line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from theodore_plugin.inference.capabilities.tables import Described, aliases_of

HEADER = "[[library]]"
_CUT = f"\n{HEADER}\n"
_MODULE = re.compile(r'module = "([^"]+)"')
_LEAKED = "\nleaked = true\n"
_ALIASED = re.compile(r'"=([^".]+)[^"]*" = "')
"""The key of an alias with an absolute name; its first part."""


@dataclass(frozen=True, slots=True)
class Section:
    """One ``[[library]]`` table: what it speaks of, and its text or content."""

    module: str
    roots: frozenset[str]
    """First parts of the names the table speaks of: what must be looked up for it to matter."""
    leaked: bool
    text: str = ""
    content: Described | None = None

    def read(self) -> Described:
        """Return the table. Raises TOMLDecodeError for a text that is none."""
        if self.content is not None:
            return self.content
        described: Described = tomllib.loads(f"{HEADER}\n{self.text}")["library"][0]
        return described


def cut(text: str) -> Iterator[Section]:
    """Cut a shipped file. Raises ValueError for one that does not keep to the form."""
    head, *pieces = f"\n{text}".split(_CUT)
    yield from harmless(tomllib.loads(head))
    for number, piece in enumerate(pieces, 1):
        match = _MODULE.match(piece)
        if match is None:
            raise ValueError(f"library {number} does not begin with its module")
        roots = {match[1].partition(".")[0], *_ALIASED.findall(piece)}
        yield Section(match[1], frozenset(roots), _LEAKED in piece, text=piece)


def from_document(document: dict[str, Any]) -> Iterator[Section]:
    """Take the libraries of a file that was parsed as a whole."""
    yield from harmless(document)
    for described in document.get("library", ()):
        roots = {name.partition(".")[0] for name in (described["module"], *aliases_of(described))}
        yield Section(described["module"], frozenset(roots), described.get("leaked", False), content=described)


def harmless(document: Described) -> Iterator[Section]:
    """Take the modules a file only names: they compute, and nothing else."""
    for module in document.get("harmless", ()):
        yield Section(module, frozenset({module.partition(".")[0]}), leaked=False, content={"module": module})
