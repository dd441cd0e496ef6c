"""bandit: known insecure calls. Its ``# nosec`` and configuration files are not obeyed.

bandit exits 0 on files it cannot parse and lists them under ``errors``; those files are coverage lost.
A file it was given and does not mention at all is lost as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.scanners.columns import in_code_points
from theodore_plugin.scanners.hermetic import CleanTree, ToolRun, run_tool
from theodore_plugin.scanners.scanner import Failure, ScanContext, ScannerResult, failed
from theodore_plugin.scanners.tool_failure import by_hand, tool_failure

UNINTERESTING = frozenset({"B101", "B403", "B404", "B603", "B606", "B607"})
"""Not defects by themselves: asserts, mere imports (the use is what counts), and starting a program with a
list of arguments, which permission inference judges better."""

NOT_ERRORS = ("B324", "B4", "B701")
"""Prefixes of ids bandit calls high and we do not let block: digests used for caching, mere imports,
templates without autoescape (it is not seen whether what they make is HTML)."""

_SHAPE = {"results": list, "errors": list, "metrics": dict}
_ROOM = 1024 * 1024
"""Characters of file names that fit on a command line; Linux ends at 2 MiB, the environment included."""

_SEVERITY = {"HIGH": Severity.ERROR, "MEDIUM": Severity.WARNING, "LOW": Severity.NOTICE}
_CONFIDENCE = {"HIGH": Confidence.HIGH, "MEDIUM": Confidence.MEDIUM, "LOW": Confidence.LOW}


class BanditScanner:
    """Wraps ``python -m bandit``."""

    name = "bandit"
    distribution = "bandit"
    per_file = True
    ttl_seconds = None

    def fingerprint(self, context: ScanContext) -> str | None:
        """Nothing: options and configuration are ours."""
        return ""

    def given(self, context: ScanContext) -> tuple[str, ...]:
        """Every Python file."""
        return tuple(file.path for file in context.project.files)

    def run(self, tree: CleanTree, context: ScanContext) -> ScannerResult:
        """Run bandit over the clean tree and read its JSON."""
        if not tree.files:
            return ScannerResult((), Coverage.account(self.name, (), ()), skipped=True, detail="no Python files")
        run = run_tool("bandit", _arguments(tree), tree=tree, timeout=context.timeout_seconds)
        report, reproduce = _parse(run), by_hand("bandit", ["-q", "-r"], context.project)
        if report is None:
            return failed(self.name, tree.files, tool_failure(self.name, run, reproduce), sandbox=run.sandbox)
        coverage = Coverage.account(self.name, tree.files, _account(tree, report))
        failures = (_partial(coverage, reproduce),) if coverage.failed else ()
        found = tuple(in_code_points(_findings(tree, report), context.project.files))
        return ScannerResult(found, coverage, failures, sandbox=run.sandbox)


def _arguments(tree: CleanTree) -> list[str]:
    """Neutral files stop bandit from looking for others; an exclusion that matches nothing replaces its defaults."""
    ini, config = tree.scratch / "bandit.ini", tree.scratch / "bandit.yaml"
    ini.write_text("[bandit]\n")
    config.write_text("{}\n")
    neutral = ["--ini", str(ini), "-c", str(config), "-x", str(tree.scratch / "nothing"), "--ignore-nosec"]
    return ["-q", "-f", "json", *neutral, *_targets(tree)]


def _targets(tree: CleanTree) -> list[str]:
    """Name every file, or the whole copy where there are too many; what was not asked for does not count."""
    named = [str(tree.root / path) for path in tree.files]
    return ["--", *named] if sum(map(len, named)) < _ROOM else ["-r", str(tree.root)]


def _parse(run: ToolRun) -> Mapping[str, Any] | None:
    """Return bandit's report, or ``None`` if this is not one."""
    if not run.finished(0, 1):
        return None
    try:
        report = json.loads(run.completed.stdout)
    except (ValueError, RecursionError):
        return None
    if not isinstance(report, dict) or any(not isinstance(report.get(key), kind) for key, kind in _SHAPE.items()):
        return None
    if any(not isinstance(entry, dict) for entry in (*report["results"], *report["errors"])):
        return None
    return report if bool(report["results"]) == (run.completed.returncode == 1) else None


def _account(tree: CleanTree, report: Mapping[str, Any]) -> Iterator[Covered]:
    broken = {tree.project_path(str(error["filename"])): str(error["reason"]) for error in report["errors"]}
    mentioned = {tree.project_path(name) for name in report["metrics"]}
    for path in tree.files:
        if path in broken:
            yield Covered(path, State.FAILED, f"bandit: {broken[path]}")
        elif path not in mentioned:
            yield Covered(path, State.FAILED, "bandit did not mention it")
        else:
            yield Covered(path)


def _partial(coverage: Coverage, reproduce: str) -> Failure:
    lost = ", ".join(f"{entry.path} ({entry.reason})" for entry in coverage.failed[:5])
    return Failure(f"bandit could not analyse {len(coverage.failed)} file(s): {lost}", reproduce)


def _findings(tree: CleanTree, report: Mapping[str, Any]) -> Iterator[Finding]:
    for issue in report["results"]:
        path = tree.project_path(str(issue["filename"]))
        if path is not None and issue["test_id"] not in UNINTERESTING:
            yield _finding(path, issue)


def _finding(path: str, issue: Mapping[str, Any]) -> Finding:
    return Finding(
        rule=f"bandit/{issue['test_id']}",
        severity=_severity(issue),
        confidence=_CONFIDENCE.get(issue["issue_confidence"], Confidence.MEDIUM),
        location=_location(path, issue),
        message=str(issue["issue_text"]),
        help=f"see {issue['more_info']}",
        source="bandit",
    )


def _severity(issue: Mapping[str, Any]) -> Severity:
    severity = _SEVERITY.get(issue["issue_severity"], Severity.WARNING)
    capped = severity is Severity.ERROR and str(issue["test_id"]).startswith(NOT_ERRORS)
    return Severity.WARNING if capped else severity


def _location(path: str, issue: Mapping[str, Any]) -> Location:
    line = max(1, int(issue["line_number"]))
    column, end = max(0, int(issue["col_offset"])), int(issue.get("end_col_offset") or 0)
    if len(issue["line_range"]) == 1 and end > column:
        return Location(path, line, column + 1, line, end + 1)
    return Location(path, line, column + 1)
