"""What the static inference claims about a wheel, in the terms facts are recorded in: functions and permissions."""

from __future__ import annotations

import ast
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scoring.corpus import site
from theodore_plugin.distributions import Environment
from theodore_plugin.finding import Step
from theodore_plugin.survey.model import Row, Survey
from theodore_plugin.survey.subject import Where, find
from theodore_plugin.survey.survey import survey


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """One place of the package from which a permission is exercised, says the inference."""

    permission: str
    access: str
    function: str
    """As recorded: ``module:qualified.name`` of the innermost own function of the chain."""
    path: str
    line: int
    symbol: str
    through: str
    phase: str


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """One place of the package of which the inference says that it does not know."""

    function: str
    path: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything inferred about one wheel."""

    claims: tuple[Claim, ...]
    gaps: tuple[Gap, ...]
    survey: Survey


def answer(wheel: Path, where: Environment | None = None) -> Answer:
    """Survey a wheel as ``theodore-plugin permissions`` does. Raises what that raises."""
    there = where or environment()
    found = survey(find(str(wheel), Where(there, download=False)), there)
    places = Places(sources(wheel))
    claims = {claim for row in found.rows for claim in _claims(row, places)}
    gaps = {
        Gap(places.function(path, line), path, line, item.reason)
        for item in found.unknown
        for path, line in [places.own(item.chain)]
    }
    return Answer(tuple(sorted(claims)), tuple(sorted(gaps)), found)


@cache
def environment() -> Environment:
    """Where dependencies are looked for: the installed corpus."""
    return Environment.at(site())


def sources(wheel: Path) -> dict[str, str]:
    """Return the Python files of a wheel; a ``.pth`` file's import lines are run at every start, so it is one."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith((".py", ".pth"))]
        return {name: archive.read(name).decode("utf-8", "replace") for name in names}


def _claims(row: Row, places: Places) -> Iterator[Claim]:
    for found in row.sites:
        path, line = places.own(found.chain)
        function = places.function(path, line)
        phase, through = row.phase.value, row.through or ""
        yield Claim(row.type, row.access, function, path, line, found.symbol, through, phase)


class Places:
    """Finds the function around a line of a wheel's files."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self._spans: dict[str, list[tuple[int, int, str]]] = {}

    def own(self, chain: Iterable[Step]) -> tuple[str, int]:
        """Return the last place of a chain that lies in the wheel itself."""
        inside = [step.location for step in chain if step.location.path in self.files]
        return (inside[-1].path, inside[-1].line or 1) if inside else ("", 1)

    def function(self, path: str, line: int) -> str:
        """Return ``module:qualified.name`` around a line; the module alone outside every definition."""
        if path not in self._spans:
            self._spans[path] = list(_spans(self.files.get(path, "")))
        inside = [span for span in self._spans[path] if span[0] <= line <= span[1]]
        name = min(inside, key=lambda span: span[1] - span[0])[2] if inside else ""
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return f"{module}:{name}" if name else module


def _spans(source: str) -> Iterator[tuple[int, int, str]]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    pending: list[tuple[ast.AST, str]] = [(tree, "")]
    while pending:
        node, outer = pending.pop()
        for child in ast.iter_child_nodes(node):
            name = outer
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = f"{outer}.{child.name}" if outer else child.name
                # decorators and default arguments run outside, and stand on other lines or before the body
                yield child.lineno, child.end_lineno or child.lineno, name
            pending.append((child, name))
