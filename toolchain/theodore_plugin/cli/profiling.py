"""``theodore-plugin check --write-profile FILE``: publish the terms of this check, so that others can check alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy.load import policy_sources
from theodore_plugin.advisories.source import AdvisorySource, Kind
from theodore_plugin.cli.console import stderr, visible
from theodore_plugin.engine.batch import Outcome
from theodore_plugin.finding import Verdict
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.report.model import Report
from theodore_plugin.settings import Options, Settings
from theodore_plugin.settings.profile import profile_text
from theodore_plugin.settings.terms import AdvisoryTerms, Terms, program_digest, running_python


def refuse_no_terms(options: Options, targets: Sequence[Path]) -> None:
    """Refuse what cannot become a profile, before anything is checked."""
    if options.profile is not None:
        raise ConfigurationProblem(
            "--write-profile and --profile exclude each other", help="copy the profile that is there already"
        )
    if len(targets) != 1:
        raise ConfigurationProblem(
            f"a profile is written from the check of one project, and {len(targets)} are named", help="name one PATH"
        )


def write_profile(path: Path, outcomes: Sequence[Outcome], settings: Sequence[Settings | None]) -> None:
    """Write the terms of the only check; of an incomplete one nothing is known that could be published."""
    report, used = outcomes[0], settings[0]
    if not isinstance(report, Report) or used is None:
        return
    if report.verdict is Verdict.INCOMPLETE:
        stderr.print(visible(f"{path} was not written: the check is incomplete"), style="bold")
        return
    terms = terms_of_report(report, used)
    chosen = next(one.value for one in used.decided if one.name == "policy")
    text = profile_text(_name(path), terms, policy_sources(chosen))
    write_atomically(path, text.encode())
    stderr.print(
        visible(f"{path}: the terms of this check; others follow them with --profile {path.name}"), style="bold"
    )


def terms_of_report(report: Report, settings: Settings) -> Terms:
    """Return the terms a report was made under; raises ConfigurationProblem where its advisory data has no digest."""
    enabled = [run for run in report.scanners if settings.policy.scanner(run.name).enabled]
    return Terms(
        tool=report.tool_version,
        code=program_digest(),
        rule_set=report.rule_set,
        python=running_python(),
        scanners={run.name: run.version for run in enabled},
        policy=report.policy.digest,
        audience=report.policy.audience,
        advisories=_advisories(settings.advisories),
        environment=settings.environment is not None,
        as_library=settings.as_library,
    )


def _advisories(source: AdvisorySource) -> AdvisoryTerms | None:
    """Return the data this check would ask, whether or not this project gave it anything to ask."""
    if source.kind is Kind.OFF:
        return None
    if source.kind in {Kind.SNAPSHOT, Kind.DATABASE}:
        with source.opened() as service:
            if service.label.digest:
                return AdvisoryTerms(service.label.digest, service.label.date)
    raise ConfigurationProblem(
        "the vulnerability data of this check has no digest, so nobody could ask the same again",
        help="give a snapshot (--advisories FILE) or the local database (--advisories local)",
    )


def _name(path: Path) -> str:
    """Return the profile's name: the file's, as far as a name can hold it."""
    name = re.sub(r"[^a-z0-9-]+", "-", path.stem.lower()).strip("-")[:63]
    return name if re.match("[a-z]", name) else f"profile-{name}".rstrip("-")[:63]
