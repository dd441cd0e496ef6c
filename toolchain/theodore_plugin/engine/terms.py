"""Under whose terms a check ran: what was overruled, and where this machine differs from a registry's profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from theodore_plugin import __version__
from theodore_plugin.engine.steps import ScannerStep
from theodore_plugin.finding import Confidence, Finding, Location, Rule
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import AdvisoryLabel, ProfileLabel
from theodore_plugin.rules.book import rule_set_digest
from theodore_plugin.rules.engine.reports import ANALYZER_FAILED, PROFILE_MISMATCH, SETTING_OVERRULED
from theodore_plugin.scanners import scanners_for
from theodore_plugin.settings import Settings
from theodore_plugin.settings.terms import AdvisoryTerms, Difference, Terms, differences, program_digest, running_python

_NO_SCANNER = "install the scanner, name its definition (--scanner FILE), or correct its name in the policy"


def terms_seen(project: PluginProject, settings: Settings, scans: Sequence[ScannerStep]) -> Iterator[Finding]:
    """Yield a finding for each setting that was overruled, each difference, and each scanner that is not there."""
    place = Location(project.project_file)
    for setting in settings.decided:
        for other in setting.overruled if setting.binding else ():
            message = f"{other.origin} does not count: {setting.name.replace('_', '-')} is decided by {setting.origin}"
            yield _finding(SETTING_OVERRULED, place, message, SETTING_OVERRULED.remedy)
    for difference in profile_differences(settings, scans):
        yield _finding(PROFILE_MISMATCH, place, difference.message, difference.help)
    yield from _missing_scanners(place, settings, scans)


def profile_label(settings: Settings, scans: Sequence[ScannerStep]) -> ProfileLabel | None:
    """Return the profile that was followed, with what differs."""
    if settings.profile is None:
        return None
    found = tuple(difference.message for difference in profile_differences(settings, scans))
    return ProfileLabel(settings.profile.name, settings.profile.digest, found)


def profile_differences(settings: Settings, scans: Sequence[ScannerStep]) -> tuple[Difference, ...]:
    """Return in what this check differs from the profile it follows; nothing without one."""
    if settings.profile is None:
        return ()
    distributions = {scanner.name: scanner.distribution for scanner in scanners_for(settings)}
    return tuple(differences(settings.profile.terms, terms_of(settings, scans), distributions))


def terms_of(settings: Settings, scans: Sequence[ScannerStep]) -> Terms:
    """Return the terms a check ran under."""
    advisories = next((scan.result.advisories for scan in scans if scan.result.advisories), None)
    enabled = (scan.run for scan in scans if settings.policy.scanner(scan.run.name).enabled)
    return Terms(
        tool=__version__,
        code=program_digest(),
        rule_set=rule_set_digest(settings.capabilities.digest if settings.capabilities else None),
        python=running_python(),
        scanners={run.name: run.version for run in enabled},
        policy=settings.policy.digest,
        audience=settings.audience,
        advisories=_advisory_terms(advisories),
        environment=settings.environment is not None,
        as_library=settings.as_library,
    )


def _advisory_terms(label: AdvisoryLabel | None) -> AdvisoryTerms | None:
    return AdvisoryTerms(label.digest or "", label.date) if label else None


def _missing_scanners(place: Location, settings: Settings, scans: Sequence[ScannerStep]) -> Iterator[Finding]:
    """Report a scanner that the policy requires by name and that this machine does not know: it did not run."""
    known = {scan.run.name for scan in scans} | {scanner.name for scanner in scanners_for(settings)}
    for name, setting in sorted(settings.policy.scanners.items()):
        if name not in known and setting.enabled and setting.required:
            where = settings.policy.place("scanners", name)
            message = f"the policy requires the scanner {name} ({where}), and this machine has none of that name"
            yield _finding(ANALYZER_FAILED, place, message, _NO_SCANNER)


def _finding(rule: Rule, place: Location, message: str, help_: str) -> Finding:
    return Finding(rule.name, rule.severity, Confidence.HIGH, place, message, help=help_)
