"""``check --fix``, ``--unsafe-fixes`` and ``--diff``: what is mended after a check, and how it is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.cli.console import stderr, stdout, visible
from theodore_plugin.engine.batch import Outcome as Checked
from theodore_plugin.engine.run import run
from theodore_plugin.fixes.diff import difference
from theodore_plugin.fixes.rounds import Mended, Outcome, mend, offered
from theodore_plugin.fixes.writing import write
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import Report
from theodore_plugin.settings import Options, Settings


@dataclass(frozen=True, slots=True)
class Fixing:
    """What is asked for: ``unsafe`` includes unsafe fixes, ``diff`` shows and does not write."""

    unsafe: bool = False
    diff: bool = False

    @classmethod
    def of(cls, *, fix: bool, unsafe: bool, diff: bool) -> Fixing | None:
        """Understand the three switches; ``None`` if nothing is to be mended. Raises click.UsageError."""
        if unsafe and not fix and not diff:
            raise click.UsageError("--unsafe-fixes needs --fix to apply them, or --diff to see them first")
        return cls(unsafe, diff) if fix or diff else None

    def refuse_writing(self, *files: object) -> None:
        """Raise click.UsageError if a difference is to be shown and something to be written."""
        if self.diff and any(files):
            message = (
                "--diff writes nothing: ask for --output, --write-baseline and --write-profile in a run of their own"
            )
            raise click.UsageError(message)

    def refuse_wheels(self, targets: Sequence[Path]) -> None:
        """Raise ConfigurationProblem for a wheel: what is packaged is not edited."""
        for target in targets:
            if target.suffix == ".whl":
                raise ConfigurationProblem(
                    f"{target.name} is a wheel, and a wheel is not edited",
                    help="fix the project it was built from, and package it again",
                )


def fix_all(targets: Sequence[Path], checked: Sequence[Checked], options: Options, fixing: Fixing) -> tuple[Path, ...]:
    """Mend what was checked, tell what was mended, and return the targets that are no longer what was checked.

    With ``diff`` nothing is written: the difference goes to standard output, and nothing is returned.
    """
    changed = []
    for target, report in zip(targets, checked, strict=True):
        if not isinstance(report, Report):
            continue
        project = PluginProject.open(target)
        outcome = _mended(project, report, Settings.load(project, options), unsafe=fixing.unsafe)
        if fixing.diff:
            _show(outcome.changes, _seen_from_here(project.root))
        elif outcome.changes:
            write(project.root, outcome.changes)
            changed.append(target)
        _tell(outcome, report, fixing)
    return tuple(changed)


def _mended(project: PluginProject, report: Report, settings: Settings, *, unsafe: bool) -> Outcome:
    return mend(project, report, lambda changed: run(changed, settings, scanners=()), unsafe=unsafe)


def _seen_from_here(root: Path) -> str:
    """Return the way to a project below the working folder, so that a difference can be applied there."""
    here, there = Path.cwd().resolve(), root.resolve()
    way = there.relative_to(here).as_posix() if there.is_relative_to(here) else "."
    return "" if way == "." else way


def _show(changes: Mapping[str, tuple[bytes, bytes]], folder: str) -> None:
    """Print a difference: as it is for another program, without hidden characters for a person."""
    data = difference(changes, folder)
    if stdout.is_terminal:
        for line in data.decode("utf-8", "replace").splitlines():
            stdout.print(visible(line), style=_STYLES.get(line[:1]), soft_wrap=True)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def _tell(outcome: Outcome, report: Report, fixing: Fixing) -> None:
    for line in _told(outcome.mended, "would fix" if fixing.diff else "fixed"):
        stderr.print(visible(line), soft_wrap=True)
    files = len(outcome.changes)
    done = "would be fixed" if fixing.diff else "fixed"
    noun = "finding" if len(outcome.mended) == 1 else "findings"
    where = f" in {files} file{'' if files == 1 else 's'}" if files else ""
    left = 0 if fixing.unsafe else offered(report, unsafe=True) - offered(report, unsafe=False)
    more = f"; {left} more with --unsafe-fixes" if left else ""
    stderr.print(f"{len(outcome.mended)} {noun} {done}{where}{more}")


def _told(mended: Sequence[Mended], done: str) -> Iterator[str]:
    for finding, fix in mended:
        place = f"{finding.location.path}:{finding.location.line}"
        yield f"{done} {place} {finding.rule}: {fix.description}{'' if fix.safe else ' (unsafe)'}"
