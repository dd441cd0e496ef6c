"""What one check established; every renderer reads this and nothing else.

The model is complete on purpose: a signed verdict is made from it, so what was *not* looked at and
what was silenced stand beside what was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from theodore_plugin.contracts.matrix import NO_MATRIX, HostMatrix
from theodore_plugin.coverage import Coverage
from theodore_plugin.finding import Confidence, Finding, Location, Severity, Step, Verdict
from theodore_plugin.fixes.model import Fix

SCHEMA_VERSION = 1
"""Of the JSON form (``policies/schemas/report.schema.json``); a change readers would notice raises it."""


@dataclass(frozen=True, slots=True)
class ProjectLabel:
    """What was checked. ``sha256`` is the digest of a wheel's bytes, ``None`` for a source tree."""

    name: str
    version: str
    path: str
    kind: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyLabel:
    """The policy that judged, by name and by the digest of its meaning; whose levels counted, if they differ."""

    name: str
    digest: str
    audience: str | None = None


@dataclass(frozen=True, slots=True)
class ScannerRun:
    """How one scanner ran: ``status`` is ``ok``, ``failed`` or ``skipped``; ``sandbox`` the tier that held it."""

    name: str
    version: str
    status: str
    seconds: float
    detail: str = ""
    sandbox: str = ""
    """Empty if no tool was started."""


@dataclass(frozen=True, slots=True)
class AdvisoryLabel:
    """Which vulnerability data was asked; a snapshot has a digest and the date of its newest record."""

    source: str
    digest: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One known vulnerability of a dependency, under all of its names.

    ``id`` is the name it is reported under, ``aliases`` the others. ``fixed`` lists the versions later than the
    pinned one that no longer have it. ``severity`` is ``critical``, ``high``, ``medium`` or ``low``, with the CVSS
    base score where one is known (``high, CVSS 7.5``), or empty where the data says nothing.
    """

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    fixed: tuple[str, ...] = ()
    severity: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class AuditedDependency:
    """A dependency the audit was given. ``status`` is ``audited``, ``failed`` or ``skipped``; ``reason`` says why not.

    ``version`` is empty where there is no lock that says it.
    """

    name: str
    version: str
    status: str
    reason: str = ""
    vulnerabilities: tuple[Vulnerability, ...] = ()


@dataclass(frozen=True, slots=True)
class SuppressionRecord:
    """A suppression found in the source, used or not, obeyed or not; all of them reach the verdict."""

    rules: tuple[str, ...]
    location: Location
    reason: str
    until: date | None
    silenced: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class ExceptionRecord:
    """An exception of the policy that is about this plugin, used or not; all of them reach the verdict."""

    rules: tuple[str, ...]
    place: str
    """Where the policy says so: ``acme.yaml:31``."""
    reason: str
    owner: str
    until: date
    excepted: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class ProfileLabel:
    """The terms of a registry that the check followed, and in what this machine differs from them."""

    name: str
    digest: str
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SelectionLabel:
    """The verdict is one over selected rules only: which options say so, and what they took out."""

    asked: tuple[str, ...]
    """As typed: ``--select permissions``."""
    taken_out: int
    blocking: int
    """How many of those would have failed the check."""


@dataclass(frozen=True, slots=True)
class DeclaredPermission:
    """A permission the plugin asks for, and why."""

    type: str
    pattern: str
    description: str


@dataclass(frozen=True, slots=True)
class InferredPermission:
    """A permission the source was seen to need, with the call chain that shows it."""

    type: str
    access: str
    target: str | None
    confidence: str
    chain: tuple[Step, ...]
    through: str | None = None
    """The dependency whose code acts; ``None`` for the plugin's own."""
    within: tuple[Step, ...] = ()
    """How the act comes about inside that dependency, where its code was followed."""
    phase: str = "call"
    """``import``, ``call`` or ``unreached``: when the code runs."""
    ambient: bool = False
    """What a library looks up for itself whenever it is used; nobody is asked to declare it."""


@dataclass(frozen=True, slots=True)
class PermissionTable:
    """Both sides of the comparison."""

    declared: tuple[DeclaredPermission, ...] = ()
    inferred: tuple[InferredPermission, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one check established, in an order that does not depend on timing."""

    tool_version: str
    rule_set: str
    project: ProjectLabel
    policy: PolicyLabel
    findings: tuple[Finding, ...]
    suppressions: tuple[SuppressionRecord, ...]
    coverage: tuple[Coverage, ...]
    scanners: tuple[ScannerRun, ...]
    permissions: PermissionTable
    advisories: AdvisoryLabel | None
    sources: Mapping[str, bytes]
    """The text of the files findings point into, for code frames; not part of the JSON form."""
    hidden: int = 0
    """How many findings the persona, a threshold or a selection took out."""
    hidden_by: tuple[str, ...] = ()
    """Which options did, as typed: ``--min-severity warning``, ``--persona regular``."""
    selection: SelectionLabel | None = None
    """Set if options may have changed the verdict; nothing is signed on such a report."""
    baselined: tuple[Finding, ...] = ()
    """Findings that a baseline file accepts as they are."""
    not_run: tuple[str, ...] = ()
    """Rules about plugins that did not run, because the package was checked as a library."""
    exceptions: tuple[ExceptionRecord, ...] = ()
    """What the policy accepts of this plugin until a day."""
    profile: ProfileLabel | None = None
    """Set if the check followed a registry's profile."""
    hosts: HostMatrix = NO_MATRIX
    """The answer for each known host version in range."""
    seconds: float = 0.0
    dependencies: tuple[AuditedDependency, ...] = ()
    """Every dependency the audit was given, audited or not, sorted by name."""
    place: Path | None = None
    """The folder of a source tree, to name its files from a repository's root; not part of the JSON form."""

    fixes: Mapping[tuple[str, int, int, str, str], Fix] = field(default_factory=dict)
    """How findings can be mended, by their ``sort_key``; see :meth:`fix_of`."""

    def fix_of(self, finding: Finding) -> Fix | None:
        """Return how a finding can be mended mechanically, if it can."""
        return self.fixes.get(finding.sort_key)

    @property
    def verdict(self) -> Verdict:
        """Return incomplete before fail before pass: what was not looked at outweighs what was found."""
        if any(finding.severity is Severity.INCOMPLETE for finding in self.findings):
            return Verdict.INCOMPLETE
        return Verdict.FAIL if any(blocks(finding) for finding in self.findings) else Verdict.PASS

    @property
    def whole(self) -> bool:
        """Whether the verdict is one over everything that was found: only then may anybody vouch for it."""
        return self.selection is None and not self.baselined and not self.not_run

    def tally(self) -> Counter[Severity]:
        """Return how many findings there are of each severity."""
        return Counter(finding.severity for finding in self.findings)


def blocks(finding: Finding) -> bool:
    """Return whether a finding makes the check fail: errors we are not merely guessing at."""
    return finding.severity is Severity.ERROR and finding.confidence is not Confidence.LOW
