"""The scanner protocol: a tool is given a clean copy of the source and answers with findings and an account.

A scanner never decides what its failure means: it returns ``failure`` and the engine makes that
*incomplete*, or a notice where the policy does not require the scanner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from theodore_plugin.coverage import Coverage, State
from theodore_plugin.finding import Finding, Severity
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import AdvisoryLabel, AuditedDependency
from theodore_plugin.scanners.hermetic import CleanTree
from theodore_plugin.settings import Settings


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a scanner could not do its work, or its work counts for less.

    ``rule`` is an engine rule; ``help`` leads out of it; ``severity`` is *incomplete* unless a policy
    said otherwise.
    """

    reason: str
    help: str | None = None
    rule: str = "analyzer-failed"
    severity: Severity = Severity.INCOMPLETE


@dataclass(frozen=True, slots=True)
class ScanContext:
    """What every scanner may look at besides the clean tree."""

    project: PluginProject
    settings: Settings
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class ScannerResult:
    """What a scanner established: findings with paths relative to the project, and its account."""

    findings: tuple[Finding, ...]
    coverage: Coverage
    failures: tuple[Failure, ...] = ()
    detail: str = ""
    sandbox: str = ""
    """Tier that held the tool; empty if no tool was started."""
    skipped: bool = False
    advisories: AdvisoryLabel | None = None
    dependencies: tuple[AuditedDependency, ...] = ()
    version: str = ""
    """What the tool says its version is, where it is no distribution whose version is known."""


class Scanner(Protocol):
    """One wrapped analyser."""

    @property
    def name(self) -> str:
        """Name in reports, policies and the namespace of native ids."""
        ...

    @property
    def distribution(self) -> str:
        """Distribution that provides the tool; its installed version goes into the verdict. Empty if there is none."""
        ...

    @property
    def per_file(self) -> bool:
        """Whether what is found in a file depends on that file's path and content alone."""
        ...

    @property
    def ttl_seconds(self) -> float | None:
        """How long a result is good although nothing we can see has changed; ``None`` for any time."""
        ...

    def fingerprint(self, context: ScanContext) -> str | None:
        """Name what the result depends on besides the files and the tool; ``None`` if it is good for this once."""
        ...

    def given(self, context: ScanContext) -> tuple[str, ...]:
        """Name everything this scanner has to account for."""
        ...

    def run(self, tree: CleanTree, context: ScanContext) -> ScannerResult:
        """Analyse; raise only for what :class:`Failure` cannot say (the engine turns it into one)."""
        ...


def failed(
    name: str, given: tuple[str, ...], failure: Failure, *, unit: str = "file", sandbox: str = ""
) -> ScannerResult:
    """Return the result of a scanner that established nothing."""
    coverage = Coverage.uniform(name, given, State.FAILED, failure.reason, unit=unit)
    return ScannerResult((), coverage, (failure,), sandbox=sandbox)
