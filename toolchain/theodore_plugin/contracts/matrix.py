"""The answer for each host version in a plugin's range: compatible, or what breaks and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from theodore_plugin.finding import Confidence, Finding, Location, Severity, Verdict


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What the plugin's interface looks like to one host version."""

    version: str
    findings: tuple[Finding, ...] = ()
    """What breaks there, and what is worth knowing; in report order."""

    @property
    def verdict(self) -> Verdict:
        """Return incomplete where a rule failed, fail where something breaks, else pass."""
        if any(finding.severity is Severity.INCOMPLETE for finding in self.findings):
            return Verdict.INCOMPLETE
        breaks = (f.severity is Severity.ERROR and f.confidence is not Confidence.LOW for f in self.findings)
        return Verdict.FAIL if any(breaks) else Verdict.PASS


@dataclass(frozen=True, slots=True)
class HostMatrix:
    """Answers for every known host in range, oldest first; empty where the range admits none that is known."""

    wanted: str | None = None
    """The declared range, ``None`` where it could not be read."""
    known: tuple[str, ...] = ()
    """All host versions the contract data describes."""
    answers: tuple[HostAnswer, ...] = ()

    def as_shown(self, findings: Iterable[Finding]) -> HostMatrix:
        """Return the answers as a report shows them: without what was silenced, at the levels the policy set."""
        shown = {(finding.rule, finding.location): finding for finding in findings}
        return replace(self, answers=tuple(_as_shown(answer, shown) for answer in self.answers))


NO_MATRIX = HostMatrix()
"""Where nothing could be asked."""


def _as_shown(answer: HostAnswer, shown: Mapping[tuple[str, Location], Finding]) -> HostAnswer:
    kept = ((finding, shown.get((finding.rule, finding.location))) for finding in answer.findings)
    return replace(
        answer, findings=tuple(replace(own, severity=seen.severity) for own, seen in kept if seen is not None)
    )
