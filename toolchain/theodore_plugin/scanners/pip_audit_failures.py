"""Why an audit did not happen, or counts for less, and what leads out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from theodore_loader.policy.model import Advisories
from theodore_plugin.advisories.age import age_of, too_old
from theodore_plugin.advisories.source import AdvisorySource, Kind
from theodore_plugin.coverage import Coverage
from theodore_plugin.finding import Severity
from theodore_plugin.report.model import AdvisoryLabel
from theodore_plugin.scanners.hermetic import ToolRun
from theodore_plugin.scanners.pip_audit_answer import passed_over, unreachable
from theodore_plugin.scanners.pip_audit_pins import NO_DATA
from theodore_plugin.scanners.scanner import Failure
from theodore_plugin.scanners.tool_failure import tool_failure

_LOCAL = "`theodore-plugin advisories update` (or `import FILE`), then `--advisories local`"
_OTHER_SOURCE = f"check the network, or audit without it: {_LOCAL}"
_SWITCH_ON = f"leave that out, or name a source: --advisories online, or {_LOCAL}"
_FRESHER = "`theodore-plugin advisories update`; without a network, fetch the OSV all.zip elsewhere and `import` it"
_REPRODUCE = "to reproduce: python -I -m pip_audit --locked ."


def switched_off() -> Failure:
    """Say that nobody wanted an audit, which is not an audit."""
    return Failure("advisories are switched off (`--advisories off`)", _SWITCH_ON, NO_DATA)


def no_answer(run: ToolRun, label: AdvisoryLabel) -> Failure:
    """Say why there is no report: the service's fault, or the tool's."""
    cause = unreachable(run)
    if cause is not None:
        return Failure(f"{label.source} did not answer{cause}", _OTHER_SOURCE, NO_DATA)
    return tool_failure("pip-audit", run, _REPRODUCE)


def losses(runs: Sequence[ToolRun], coverage: Coverage, label: AdvisoryLabel) -> Iterator[Failure]:
    """Yield what the reports there are leave out: packages that were not audited, advisories that were not read."""
    if coverage.failed:
        lost = "; ".join(entry.reason for entry in coverage.failed[:3])
        audited = f"{len(coverage.failed)} of {len(coverage.entries)} packages could not be audited"
        yield Failure(f"{audited} ({label.source}): {lost}", _OTHER_SOURCE, NO_DATA)
    for sign in dict.fromkeys(sign for run in runs for sign in passed_over(run)):
        yield Failure(f"pip-audit passed over advisories of {label.source}: {sign}", _OTHER_SOURCE, NO_DATA)


def stale(label: AdvisoryLabel, bound: Advisories, now: datetime) -> Iterator[Failure]:
    """Yield a failure, as grave as the policy says, if dated data is older than its bound; a service has no date."""
    if label.date is not None and too_old(label.date, bound, now):
        severity = Severity.WARNING if bound.on_stale == "warning" else Severity.INCOMPLETE
        age = age_of(label.date, now)
        reason = f"{label.source} is {age.days} days old; the policy accepts {bound.max_age_days}"
        yield Failure(reason, _FRESHER, NO_DATA, severity)


def data_fingerprint(source: AdvisorySource, bound: Advisories) -> str | None:
    """Name the data and, because old data fails, today; ``None`` if a result may not be kept."""
    today = datetime.now(UTC).date().isoformat()
    judged = f"{today} {bound.max_age_days} {bound.on_stale}"
    if source.kind in {Kind.ONLINE, Kind.ENDPOINT}:
        return f"{source.kind.value} {source.where}"
    own = source.fingerprint()
    return f"{own} {judged}" if own is not None else None
