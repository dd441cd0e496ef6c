"""Findings that do not count, and who says so: the source, the policy, or a baseline. None of them is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from theodore_plugin.finding import Finding, Location
from theodore_plugin.report.model import ExceptionRecord, Report, SuppressionRecord


@dataclass(frozen=True, slots=True)
class TakenOut:
    """One finding that does not count; ``place`` is that of the comment, ``None`` if it was not the source's word."""

    finding: Finding
    why: str
    place: Location | None = None


def taken_out(report: Report) -> Iterator[TakenOut]:
    """Yield what comments silence, then what the policy excepts, then what a baseline accepts."""
    for record in report.suppressions:
        yield from (TakenOut(finding, _silenced(record), record.location) for finding in record.silenced)
    for exception in report.exceptions:
        yield from (TakenOut(finding, _excepted(exception)) for finding in exception.excepted)
    yield from (TakenOut(finding, "accepted by the baseline") for finding in report.baselined)


def _silenced(record: SuppressionRecord) -> str:
    until = f" until {record.until.isoformat()}" if record.until else ""
    return f"silenced at {record.location}{until}: {record.reason}"


def _excepted(record: ExceptionRecord) -> str:
    return f"excepted by {record.owner} in {record.place} until {record.until.isoformat()}: {record.reason}"
