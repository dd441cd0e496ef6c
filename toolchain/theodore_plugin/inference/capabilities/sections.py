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
_CUT = re.compile(r"^\[\[library\]\]$", re.MULTILINE)
_MODULE = re.compile(r'\s*module = "([^"]+)"')
_LEAKED = re.compile(r"^leaked = true$", re.MULTILINE)
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
        return tomllib.loads(self.text)["library"][0]  # type: ignore[no-any-return]


def cut(text: str) -> Iterator[Section]:
    """Cut a shipped file. Raises ValueError for one that does not keep to the form."""
    starts = [match.start() for match in _CUT.finditer(text)]
    yield from harmless(tomllib.loads(text[: starts[0] if starts else len(text)]))
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        piece = text[start:end]
        match = _MODULE.match(piece, len(HEADER))
        if match is None:
            raise ValueError(f"line {text.count(chr(10), 0, start) + 1}: a library does not begin with its module")
        roots = {match[1].partition(".")[0], *_ALIASED.findall(piece)}
        yield Section(match[1], frozenset(roots), _LEAKED.search(piece) is not None, text=piece)


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
