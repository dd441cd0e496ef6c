"""Analyse the most downloaded pure-Python distributions: ``python tests/accuracy robustness``.

Crashes on none, and reports no file as analysed that was not: every Python file of the wheel is accounted for once,
and what is said to be analysed is compiled here, independently.
"""

from __future__ import annotations

import ast
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

from scoring.claims import environment, sources
from scoring.corpus import HERE, NotFetched, cached
from theodore_loader.errors import LoaderError
from theodore_plugin.distributions import Environment
from theodore_plugin.survey.model import Survey
from theodore_plugin.survey.subject import Where, find
from theodore_plugin.survey.survey import survey

POPULAR = HERE / "popular.txt"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one wheel."""

    wheel: str
    files: int
    lines: int
    seconds: float
    problems: tuple[str, ...]
    """What contradicts the answer, or that there was none."""


def main(names: list[str]) -> int:
    """Print one line a wheel; 1 if any answer was missing or wrong about what it covers."""
    outcomes = []
    for path in wheels(names):
        item = examine(path)
        outcomes.append(item)
        print(
            f"{item.wheel}: {item.files} files, {item.lines} lines, {item.seconds:.1f} s",
            *item.problems,
            sep="\n  ! ",
            flush=True,
        )
    total = sum(item.files for item in outcomes), sum(item.lines for item in outcomes)
    seconds = sum(item.seconds for item in outcomes)
    wrong = sum(bool(item.problems) for item in outcomes)
    print(f"{len(outcomes)} distributions, {total[0]} files, {total[1]} lines, {seconds:.0f} s: {wrong} with problems")
    return int(wrong > 0)


def wheels(names: list[str]) -> list[Path]:
    """Return the pinned wheels in the cache. Raises NotFetched."""
    pinned = [line.split()[0].split("==") for line in POPULAR.read_text().splitlines() if "==" in line]
    chosen = [(name, version) for name, version in pinned if not names or name in names]
    return [_cached(name.replace("-", "_"), version) for name, version in chosen]


def _cached(name: str, version: str) -> Path:
    wanted = f"{name}-{version}-".lower()
    found = [path.name for path in cached_folder().glob("*.whl") if path.name.lower().startswith(wanted)]
    return cached(found[0] if found else f"{wanted}*.whl")


def cached_folder() -> Path:
    """Return the folder of cached wheels. Raises NotFetched."""
    from scoring.corpus import cache

    folder = cache() / "wheels"
    if not folder.is_dir():
        raise NotFetched(f"there is no {folder}: python tests/accuracy fetch")
    return folder


def examine(wheel: Path, where: Environment | None = None) -> Outcome:
    """Survey one wheel and hold the answer against the wheel itself."""
    files = sources(wheel)
    lines = sum(text.count("\n") for text in files.values())
    there = where or environment()
    start = time.perf_counter()
    try:
        found = survey(find(str(wheel), Where(there, download=False)), there)
    except LoaderError as problem:  # a refusal with a reason is an answer, but none of these deserves one
        problems = [f"refused: {problem}"]
    except Exception as problem:
        last = traceback.extract_tb(problem.__traceback__)[-1]
        problems = [f"crashed: {type(problem).__name__}: {problem} ({last.name}, line {last.lineno})"]
    else:
        problems = _contradictions(found, files)
    return Outcome(wheel.name, len(files), lines, time.perf_counter() - start, tuple(problems))


def _contradictions(found: Survey, files: dict[str, str]) -> list[str]:
    failed = {item.path.rpartition(":")[0] or item.path for item in found.failed} & files.keys()
    skipped = {item.path for item in found.skipped} & files.keys()
    problems = []
    if found.analysed + len(failed) + len(skipped) != len(files):
        problems.append(f"{len(files)} files, {found.analysed} analysed, {len(failed)} failed, {len(skipped)} skipped")
    for path, text in files.items():
        reason = _invalid(text) if path.endswith(".py") else ""
        if reason and path not in failed | skipped:
            problems.append(f"{path} was said to be analysed, but {reason}")
    return problems


def _invalid(text: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError) as problem:
            return f"it does not parse: {problem}"
    return ""
