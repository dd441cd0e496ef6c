"""Small programs, an area per page, with the calls they make.

Every page holds programs and their calls: ``→`` is made when the program runs and seen by analysis, ``~`` is only
claimed by analysis, ``!`` is made and missed. The pages cannot be wrong: one test runs the programs and compares.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
_FILE = re.compile(r"^```python (?P<path>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_EDGE = re.compile(r"^- (?P<caller>\S+) (?P<mark>[→~!]) (?P<callee>\S+)$", re.MULTILINE)

Edges = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Example:
    """One program and its calls by mark."""

    name: str
    files: Mapping[str, str]
    marked: Mapping[str, Edges]

    @property
    def roots(self) -> frozenset[str]:
        """First components of its modules' names."""
        return frozenset(path.partition("/")[0].removesuffix(".py") for path in self.files)


def _read(page: Path) -> list[Example]:
    _, *sections = page.read_text(encoding="utf-8").split("\n## ")
    return [_example(f"{page.stem}/{section.partition(chr(10))[0]}", section) for section in sections]


def _example(name: str, section: str) -> Example:
    edges = [(found["mark"], (found["caller"], found["callee"])) for found in _EDGE.finditer(section)]
    marked = {mark: frozenset(edge for known, edge in edges if known == mark) for mark in "→~!"}
    return Example(name, {found["path"]: found["text"] for found in _FILE.finditer(section)}, marked)


EXAMPLES = [example for page in sorted(FOLDER.glob("*.md")) for example in _read(page)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_call_graph_is_what_the_page_says(example: Example, edges: Callable[[Mapping[str, bytes]], Edges]) -> None:
    found = edges({path: text.encode() for path, text in example.files.items()})
    inside = {edge for edge in found if edge[1].partition(".")[0] in example.roots}
    assert inside == example.marked["→"] | example.marked["~"]


def test_the_pages_say_what_the_programs_do() -> None:
    programs = {example.name: dict(example.files) for example in EXAMPLES}
    run = subprocess.run(
        [sys.executable, "-I", FOLDER / "trace_calls.py"],
        input=json.dumps(programs),
        capture_output=True,
        text=True,
        check=True,
    )
    made = {
        name: frozenset((caller, callee) for caller, callee in found) for name, found in json.loads(run.stdout).items()
    }
    said = {example.name: example.marked["→"] | example.marked["!"] for example in EXAMPLES}
    assert made == said


def test_the_pages_are_many_and_little_is_missed() -> None:
    counts = {mark: sum(len(example.marked[mark]) for example in EXAMPLES) for mark in "→~!"}
    assert len(EXAMPLES) >= 130
    assert counts["→"] / (counts["→"] + counts["!"]) >= 0.99
    assert counts["→"] / (counts["→"] + counts["~"]) >= 0.97
