"""What is wrong with a wheel itself, as findings of the rules under which hosts refuse it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from theodore_loader.errors import InvalidWheel
from theodore_plugin.finding import Finding, Location
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.context import report


def wheel_findings(project: PluginProject, known: Iterable[Finding], *, as_library: bool) -> Iterator[Finding]:
    """Report every defect of the wheel once; ``known`` is what the static rules have said already.

    A library is judged as hosts judge the wheel of a dependency.
    """
    from theodore_plugin.rules.book import rule_book

    said = {(finding.rule, finding.location.path) for finding in known}
    rules = {finding.rule for finding in known}
    for defect in project.library_defects if as_library else project.defects:
        if (defect.rule, defect.entry) in said or (defect.entry is None and defect.rule in rules):
            continue
        yield report(
            rule_book()[defect.rule], _place(project, defect), defect.message, defect.help, subject=defect.entry
        )


def _place(project: PluginProject, defect: InvalidWheel) -> Location:
    return Location(defect.entry or project.label)
