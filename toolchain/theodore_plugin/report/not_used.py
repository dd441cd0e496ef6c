"""Configuration of other tools that was seen and not used: worth one line together, not an annotation each."""

from __future__ import annotations

from theodore_plugin.finding import Finding, Severity
from theodore_plugin.report.model import Report
from theodore_plugin.rules.engine.reports import TARGET_TOOL_CONFIG_IGNORED

MAX_FILES = 5


def worth_showing(report: Report) -> tuple[Finding, ...]:
    """Return the findings that are shown one by one, in report order."""
    return tuple(finding for finding in report.findings if not _folded(finding))


def not_used(report: Report) -> tuple[Finding, ...]:
    """Return the others."""
    return tuple(finding for finding in report.findings if _folded(finding))


def not_used_line(report: Report) -> str | None:
    """Return ``seen and not used: pyproject.toml:26,30``, or ``None`` where there was nothing to see."""
    lines: dict[str, list[str]] = {}
    for finding in not_used(report):
        lines.setdefault(finding.location.path, []).append(str(finding.location.line))
    if not lines:
        return None
    named = [f"{path}:{','.join(numbers)}" for path, numbers in list(lines.items())[:MAX_FILES]]
    more = f" and {len(lines) - MAX_FILES:,} more files" if len(lines) > MAX_FILES else ""
    return f"configuration of other tools, seen and not used: {', '.join(named)}{more}"


def _folded(finding: Finding) -> bool:
    """Whether it is a notice, as the rule has it; a policy may take it more seriously."""
    return finding.rule == TARGET_TOOL_CONFIG_IGNORED.name and finding.severity is Severity.NOTICE
