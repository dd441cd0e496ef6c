"""Mend a project in memory, round by round, until nothing that may be mended is left.

1. Of the fixes a report offers, those that do not touch each other are applied together.
2. The result is checked again by our own rules. A round is accepted if every mended finding is gone, every file
   still parses, and no error is there that was not there before; otherwise half of it is tried, down to a single
   fix, and one that fails alone is given up.
3. The next round starts from that report. What the first report knew from the scanners is used in the first round only.

Nothing is written here, so a difference can be shown without touching a file.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from theodore_plugin.finding import Finding, Severity
from theodore_plugin.fixes.combine import apply, compatible
from theodore_plugin.fixes.model import Fix
from theodore_plugin.project.model import PYPROJECT, PluginProject, SourceFile
from theodore_plugin.report.model import Report, blocks

MAX_ROUNDS = 25
Recheck = Callable[[PluginProject], Report]
"""Checks a changed project by our own rules, under the same settings."""
Mended = tuple[Finding, Fix]
_Likeness = tuple[str, str, str]

EXPOSED: Mapping[str, frozenset[str]] = {
    rule: frozenset({"permission-reason-missing", "policy-denied"})
    for rule in ("undeclared-permission", "undeclared-target", "dependency-capability")
}
"""What a declaration is judged by once it is there: its reason is the author's to write, its grant the policy's."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a project becomes: ``changes`` maps each changed file to its content before and after."""

    changes: Mapping[str, tuple[bytes, bytes]]
    mended: tuple[Mended, ...]
    """What was mended, in the order it was; places are those of the round it was mended in."""


def mend(project: PluginProject, report: Report, recheck: Recheck, *, unsafe: bool) -> Outcome:
    """Mend what ``report`` offers, and what shows up on the way. ``unsafe`` includes unsafe fixes."""
    mended: list[Mended] = []
    current, given_up = project, set[_Likeness]()
    wanted = _offered(report, unsafe=unsafe)
    # what scanners said is left out on both sides of the comparison
    known = recheck(project) if wanted else report
    for _ in range(MAX_ROUNDS):
        left = [pair for pair in wanted if _like(pair[0]) not in given_up]
        step = _step(current, known, _together(left), recheck, given_up)
        if step is None:
            break
        current, known, applied = step
        mended += applied
        wanted = _offered(known, unsafe=unsafe) if applied else left
    return Outcome(_changes(project, current), tuple(mended))


def offered(report: Report, *, unsafe: bool) -> int:
    """Count the findings that would be mended in a first round."""
    return sum(1 for _ in _offered(report, unsafe=unsafe))


def _offered(report: Report, *, unsafe: bool) -> list[Mended]:
    pairs = ((finding, report.fix_of(finding)) for finding in report.findings)
    return [(finding, fix) for finding, fix in pairs if fix is not None and (fix.safe or unsafe)]


def _together(pairs: Sequence[Mended]) -> list[Mended]:
    chosen = compatible(fix for _, fix in pairs)
    wanted = {id(fix) for fix in chosen}
    return [pair for pair in pairs if id(pair[1]) in wanted]


def _step(
    project: PluginProject, report: Report, chosen: list[Mended], recheck: Recheck, given_up: set[_Likeness]
) -> tuple[PluginProject, Report, list[Mended]] | None:
    """Apply as much of ``chosen`` as holds; ``None`` when nothing is left to apply."""
    while chosen:
        try:
            changed = _changed(project, apply(_contents(project), [fix for _, fix in chosen]))
        except (ValueError, tomllib.TOMLDecodeError):
            changed = None
        after = recheck(changed) if changed is not None else None
        if changed is not None and after is not None and _holds(report, after, chosen):
            return changed, after, chosen
        if len(chosen) == 1:
            given_up.add(_like(chosen[0][0]))
            return project, report, []
        chosen = chosen[: len(chosen) // 2]
    return None


def _holds(before: Report, after: Report, applied: Sequence[Mended]) -> bool:
    """Whether what was mended is gone and nothing got worse."""
    counted = Counter(map(_like, before.findings)), Counter(map(_like, after.findings))
    gone = Counter(_like(finding) for finding, _ in applied)
    if any(counted[1][like] > counted[0][like] - number for like, number in gone.items()):
        return False
    exposed = {rule for finding, _ in applied for rule in EXPOSED.get(finding.rule, ())}
    return all(rule in exposed for rule, _ in _serious(after) - _serious(before))


def _serious(report: Report) -> Counter[tuple[str, str]]:
    """Count what fails or spoils a check, by rule and file: what is said about it may change with the code."""
    findings = (item for item in report.findings if item.severity is Severity.INCOMPLETE or blocks(item))
    return Counter((finding.rule, finding.location.path) for finding in findings)


def _like(finding: Finding) -> _Likeness:
    """Return what stays of a finding when lines move."""
    return finding.rule, finding.location.path, re.sub(r"\d+", "0", finding.message)


def _contents(project: PluginProject) -> dict[str, bytes]:
    texts = {project.project_file: project.pyproject_text.encode()} if project.pyproject_text else {}
    return texts | {file.path: file.data for file in project.files}


def _changed(project: PluginProject, changes: Mapping[str, bytes]) -> PluginProject:
    """Return the project with other contents. Raises TOMLDecodeError for a project file that is none."""
    files = tuple(
        SourceFile.of(file.path, file.module, changes[file.path]) if file.path in changes else file
        for file in project.files
    )
    text = changes[PYPROJECT].decode() if PYPROJECT in changes else project.pyproject_text
    table = tomllib.loads(text) if PYPROJECT in changes else project.pyproject
    return replace(project, files=files, pyproject_text=text, pyproject=table)


def _changes(before: PluginProject, after: PluginProject) -> dict[str, tuple[bytes, bytes]]:
    old, new = _contents(before), _contents(after)
    return {path: (old[path], new[path]) for path in sorted(new) if new[path] != old[path]}
