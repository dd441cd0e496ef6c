"""Baseline files: JSON that people review and version control keeps (``policies/schemas/baseline.schema.json``).

::

    {
      "schema": 1,
      "projects": {
        "page-notes": [
          {
            "fingerprint": "0379309a80a8fdd02c85b5938b1aa66e",
            "rule": "weak-crypto",
            "path": "src/page_notes/plugin.py",
            "message": "md5 is broken",
            "reason": "names files, protects nothing"
          }
        ]
      }
    }

Entries stand in the order of path, rule, message and fingerprint, without lines, dates or versions: a defect that is
mended is one entry less in a diff, and nothing else changes. The fingerprint decides; the rest is for reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec

from theodore_loader import strict_json
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.regular_file import read_beyond
from theodore_plugin.engine.json_lines import Place, line_of, lines

SCHEMA_VERSION = 1
MAX_BYTES = 8 * 1024 * 1024
"""More than 20,000 entries."""
MAX_PROBLEMS = 20
"""Nobody mends more by hand; a file with so many is written anew."""
_WRITE_ANEW = "mend the file, restore it from version control, or write it anew: --write-baseline FILE"


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted finding. ``line`` is where the entry stands in the file it was read from."""

    fingerprint: str
    rule: str
    path: str
    message: str
    reason: str | None = None
    line: int = 1

    @property
    def sort_key(self) -> tuple[str, str, str, str]:
        """The order entries have in a file."""
        return self.path, self.rule, self.message, self.fingerprint


@dataclass(frozen=True, slots=True)
class Baseline:
    """What one project's part of a file accepts; ``label`` is the file as findings name it."""

    label: str
    entries: tuple[Entry, ...]
    authors: bool = False
    """Whether the project under check named the file, not whoever runs the check."""


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    """An entry as the schema has it."""

    fingerprint: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    rule: Annotated[str, msgspec.Meta(min_length=1)]
    path: Annotated[str, msgspec.Meta(min_length=1)]
    message: str
    reason: str | None = None


def read_baseline(path: Path, project: str, *, authors: bool = False) -> Baseline:
    """Read what a file says about a project; a file that does not name the project accepts nothing.

    Raises ConfigurationProblem with every problem and its line.
    """
    return Baseline(path.name, _read(path).get(project, ()), authors)


def write_baseline(path: Path, accepted: Mapping[str, Iterable[Entry]]) -> None:
    """Write what is accepted for these projects; other projects in the file keep what they have.

    The file appears whole or not at all. Raises ConfigurationProblem if what is there is no baseline (it might be
    something else that nobody wants to lose), or there is no such folder.
    """
    from theodore_plugin.packaging.atomic import write_atomically

    if not path.absolute().parent.is_dir():
        raise ConfigurationProblem(
            f"cannot write the baseline {path}: there is no folder {path.parent}", help="create it, or name another"
        )
    projects = {**(_read(path) if path.exists() else {}), **accepted}
    document = {"schema": SCHEMA_VERSION, "projects": {name: _plain(projects[name]) for name in sorted(projects)}}
    text = json.dumps(document, indent=2, ensure_ascii=True) + "\n"
    write_atomically(path, text.encode())


def entries_before(path: Path, project: str) -> tuple[Entry, ...]:
    """Return what a file that is about to be written says now, for the reasons in it."""
    return read_baseline(path, project).entries if path.exists() else ()


def _plain(entries: Iterable[Entry]) -> list[dict[str, str]]:
    return [
        {
            "fingerprint": entry.fingerprint,
            "rule": entry.rule,
            "path": entry.path,
            "message": entry.message,
            **({"reason": entry.reason} if entry.reason else {}),
        }
        for entry in sorted(entries, key=lambda entry: entry.sort_key)
    ]


def _read(path: Path) -> dict[str, tuple[Entry, ...]]:
    data = _bytes(path)
    try:
        document = strict_json.loads(data, max_bytes=MAX_BYTES)
    except strict_json.JsonError as problem:
        raise ConfigurationProblem(f"{path} is no baseline: {problem}", help=_WRITE_ANEW) from None
    wrong = list(islice(_problems(document), MAX_PROBLEMS))
    if wrong:
        where = lines(data.decode(), {place[:end] for place, _ in wrong for end in range(len(place) + 1)})
        raise ConfigurationProblem(
            "\n".join(f"{path}:{line_of(at, where)}: {text}" for at, text in wrong), help=_WRITE_ANEW
        )
    return _entries(document["projects"], data.decode())


def _entries(projects: Mapping[str, list[dict[str, str]]], text: str) -> dict[str, tuple[Entry, ...]]:
    places = {("projects", project, index) for project, entries in projects.items() for index in range(len(entries))}
    where = lines(text, places)
    return {
        project: tuple(Entry(**entry, line=where[("projects", project, index)]) for index, entry in enumerate(entries))
        for project, entries in projects.items()
    }


def _bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            raise ConfigurationProblem(f"{path} is no baseline: not a file", help=_WRITE_ANEW)
        return read_beyond(path, MAX_BYTES)
    except OSError as problem:
        raise ConfigurationProblem(
            f"cannot read the baseline {path}: {problem.strerror}", help=f"write one first: --write-baseline {path}"
        ) from problem


def _problems(document: Any) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong: another form, wrong entries, entries that say the same."""
    if not isinstance(document, dict) or set(document) != {"schema", "projects"}:
        yield (), "a baseline is an object with `schema` and `projects`, and nothing else"
    elif document["schema"] != SCHEMA_VERSION:
        yield ("schema",), f"version {document['schema']!r:.20} of the format; this release reads {SCHEMA_VERSION}"
    elif not isinstance(document["projects"], dict):
        yield ("projects",), "`projects` is an object: a list of entries for each project's name"
    else:
        for project, entries in document["projects"].items():
            yield from _wrong_entries(("projects", project), entries)


def _wrong_entries(at: Place, entries: Any) -> Iterator[tuple[Place, str]]:
    if not isinstance(entries, list):
        yield at, "what a project accepts is a list of entries"
        return
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        try:
            fingerprint = msgspec.convert(entry, _Written).fingerprint
        except msgspec.ValidationError as problem:
            yield (*at, index), str(problem)
            continue
        if fingerprint in seen:
            yield (*at, index), f"the fingerprint {fingerprint} stands here twice"
        seen.add(fingerprint)
