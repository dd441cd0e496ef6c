"""What the engine itself has to say, as findings: steps that failed, configuration that was seen and not used."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.engine.reports import TARGET_TOOL_CONFIG_IGNORED, VULNERABILITY_DATA_UNAVAILABLE
from theodore_plugin.scanners.scanner import Failure


def failure_finding(project: PluginProject, failure: Failure, analyser: str, *, required: bool) -> Finding:
    """Turn a failed step into *incomplete*, or a notice where the policy does not require the step."""
    excused = not required and failure.severity is not Severity.NOTICE
    return Finding(
        rule=failure.rule,
        severity=Severity.NOTICE if excused else failure.severity,
        confidence=Confidence.HIGH,
        location=Location(project.project_file),
        message=f"{failure.reason} (the policy does not require {analyser})" if excused else failure.reason,
        help=_way_out(failure),
        subject=analyser,
    )


def configuration_seen(project: PluginProject) -> Iterator[Finding]:
    """Name every file and section of the target that would have steered a tool."""
    for seen in project.ignored_configs:
        yield Finding(
            rule=TARGET_TOOL_CONFIG_IGNORED.name,
            severity=TARGET_TOOL_CONFIG_IGNORED.severity,
            confidence=TARGET_TOOL_CONFIG_IGNORED.confidence,
            location=seen.location,
            message=f"{seen.what}; seen, and not used",
        )


def _way_out(failure: Failure) -> str:
    if failure.help:
        return failure.help
    if failure.rule == VULNERABILITY_DATA_UNAVAILABLE.name:
        return VULNERABILITY_DATA_UNAVAILABLE.remedy
    return f"`theodore-plugin explain {failure.rule}` says what this means"
