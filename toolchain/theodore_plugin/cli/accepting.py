"""``theodore-plugin check --write-baseline FILE``: accept what this check found, as far as a baseline may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.cli.console import stderr, visible
from theodore_plugin.engine.baseline import accept, set_aside
from theodore_plugin.engine.baseline_file import Baseline, Entry, entries_before, write_baseline
from theodore_plugin.engine.licence import Licence
from theodore_plugin.finding import Verdict
from theodore_plugin.report.model import Report
from theodore_plugin.rules.book import rule_book
from theodore_plugin.rules.engine.reports import UNUSED_BASELINE_ENTRY
from theodore_plugin.settings import Options, Settings


def refuse_a_part(options: Options) -> None:
    """Refuse to write a baseline of selected rules: it would forget the others."""
    if options.select or options.ignore:
        raise ConfigurationProblem(
            "--write-baseline writes down everything that is found, so it cannot be combined with --select or --ignore",
            help="leave those out; what is written can be edited",
        )


def write_accepted(path: Path, checked: Sequence[tuple[Report, Settings]]) -> list[Report]:
    """Write the baseline and return the reports as they are under it.

    Of a check that is incomplete nothing is written: what was not looked at would fall out of the file.
    """
    if any(report.verdict is Verdict.INCOMPLETE for report, _ in checked):
        stderr.print(visible(f"{path} was not written: the check is incomplete"), style="bold")
        return [report for report, _ in checked]
    accepted: dict[str, tuple[Entry, ...]] = {}
    reports = []
    for report, settings in checked:
        name = report.project.name
        if name in accepted:
            raise ConfigurationProblem(
                f"two projects are called {name}, and a baseline knows them by name", help="write one file for each"
            )
        accepted[name], under_it = _accepted(report, settings, path)
        reports.append(under_it)
    write_baseline(path, accepted)
    stderr.print(visible(f"{path}: {_count(accepted)} accepted"), style="bold")
    return reports


def _accepted(report: Report, settings: Settings, path: Path) -> tuple[tuple[Entry, ...], Report]:
    everything = [*report.findings, *report.baselined]
    found = [finding for finding in everything if finding.rule != UNUSED_BASELINE_ENTRY.name]
    licence = Licence(rule_book(), settings.policy)
    entries = accept(found, report.sources, licence, entries_before(path, report.project.name))
    apart = set_aside(found, report.sources, Baseline(path.name, entries), licence)
    left = tuple(sorted(apart.findings, key=lambda finding: finding.sort_key))
    return entries, replace(report, findings=left, baselined=apart.baselined, hosts=report.hosts.as_shown(left))


def _count(accepted: dict[str, tuple[Entry, ...]]) -> str:
    number = sum(map(len, accepted.values()))
    return f"{number} finding{'' if number == 1 else 's'}"
