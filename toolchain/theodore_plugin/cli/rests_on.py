"""What the answer of a check rests on: the files it was made from, and for how long it can stand without a new look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from theodore_plugin.advisories.age import good_until
from theodore_plugin.advisories.source import Kind
from theodore_plugin.engine.batch import Job
from theodore_plugin.finding import Severity
from theodore_plugin.report.model import Report
from theodore_plugin.scanners import SCANNERS, scanners_for
from theodore_plugin.settings import Settings

ONLINE_SECONDS = 3600
"""How long what an online service said is taken for what it would say."""


@dataclass(slots=True)
class Foundations:
    """What the checks of one run were made from."""

    projects: list[tuple[str, str]] = field(default_factory=list)
    """Kind (:mod:`theodore_plugin.survey.witness`) and absolute path."""
    terms: list[Settings] = field(default_factory=list)
    foreign: bool = False
    """Whether scanners ran that are not built in: what their programs rest on is not known here."""

    def add(self, job: Job) -> None:
        """Take account of one more check."""
        project, settings = job
        self.projects.append(("file" if project.is_wheel else "whole", str(project.root.absolute())))
        self.terms.append(settings)
        self.foreign |= len(scanners_for(settings)) > len(SCANNERS)

    @property
    def inputs(self) -> list[tuple[str, str]]:
        """Return everything the checks read, once they are through: scanners still add to an environment's."""
        return [*self.projects, *(place for settings in self.terms for place in settings.inputs)]

    def carry(self, reports: Sequence[Report]) -> bool:
        """Return whether the same inputs would give the same reports: what failed may go better the next time."""
        findings = (finding for report in reports for finding in report.findings)
        return not self.foreign and not any(finding.severity is Severity.INCOMPLETE for finding in findings)

    def expiry(self, reports: Sequence[Report], now: datetime) -> int:
        """Return when an answer is no longer good (seconds since the epoch).

        Suppressions and exceptions end with a day (UTC), vulnerability data grows stale, and services learn of more.
        """
        ends = [datetime.combine(now.date() + timedelta(days=1), time(), UTC)]
        if any(settings.advisories.kind in {Kind.ONLINE, Kind.ENDPOINT} for settings in self.terms):
            ends.append(now + timedelta(seconds=ONLINE_SECONDS))
        for report in reports:
            if report.advisories and report.advisories.date:
                bounds = (settings.policy.advisories for settings in self.terms)
                ends += (good_until(report.advisories.date, bound) for bound in bounds)
        return int(min(end for end in ends if end > now).timestamp())
