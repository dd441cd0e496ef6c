"""The report as SARIF 2.1.0 (OASIS standard): one run for each project.

- ``results`` are the findings; those silenced in the source, excepted by the policy or accepted by a baseline have
  ``suppressions`` that say so. Evidence chains are ``codeFlows``, ways to mend them ``fixes``.
- What was not looked at makes ``executionSuccessful`` false and is a ``toolExecutionNotifications`` entry. It is a
  result too, because readers such as GitHub show nothing else.
- Configuration of other tools that was seen and not used is a ``toolConfigurationNotifications`` entry and no result.
- URIs are relative to ``SRCROOT``, the root of the repository; columns count Unicode code points.
- ``partialFingerprints`` hold :data:`.fingerprint.FORM`, made of rule, path, subject and the text of the lines, so
  results are recognised after lines have moved.
- Nothing is said about version control, and no times are given: the check does not know the one, and the same input
  gives the same log.

``[`` would begin a link in a message, and ``{0}`` a placeholder (3.11.5, 3.11.6), so those are escaped. Other braces
are left alone: readers replace placeholders and show everything else as it stands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from theodore_plugin.coverage import Coverage, State
from theodore_plugin.finding import Finding, Severity, Verdict
from theodore_plugin.fixes.model import Fix
from theodore_plugin.report.fingerprint import FORM, fingerprints
from theodore_plugin.report.model import Report, ScannerRun, blocks
from theodore_plugin.report.not_used import not_used, worth_showing
from theodore_plugin.report.sarif_places import ROOT, Places, Values, message_text
from theodore_plugin.report.sarif_rules import LEVELS, descriptor
from theodore_plugin.report.taken_out import TakenOut, taken_out
from theodore_plugin.report.visible import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(reports: Sequence[Report]) -> str:
    """Return one SARIF log with a run per project."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": list(_runs(reports))}
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _runs(reports: Sequence[Report]) -> Iterator[Values]:
    """Yield the runs; projects of one name are numbered, because code scanning wants each run called differently."""
    seen: Counter[str] = Counter()
    for report in reports:
        name = visible(report.project.name)
        seen[name] += 1
        category = name if seen[name] == 1 else f"{name}/{seen[name]}"
        yield _run(report, f"theodore-plugin/{category}/")


def _run(report: Report, category: str) -> Values:
    everything = [*worth_showing(report), *(taken.finding for taken in taken_out(report))]
    places, rules = Places.of(report, everything), _rules(everything)
    return {
        "tool": {
            "driver": {
                "name": "theodore-plugin",
                "version": report.tool_version,
                "rules": [descriptor(name, first) for name, first in rules.items()],
            },
            "extensions": [_extension(run) for run in report.scanners],
        },
        "automationDetails": {"id": category},
        "invocations": [_invocation(report, places)],
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "results": _results(report, places, tuple(rules)),
        "properties": _about(report),
    }


def _rules(findings: Sequence[Finding]) -> Mapping[str, Finding]:
    """Return the rules that reported, by name and in the order of their first finding, with that finding."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.rule, finding)
    return first


def _results(report: Report, places: Places, rules: Sequence[str]) -> list[Values]:
    """Return the findings and then those that do not count, each with the reason."""
    taken = list(taken_out(report))
    shown = [_result(finding, places) | _fixes(report.fix_of(finding), places) for finding in worth_showing(report)]
    results = [*shown, *(_result(one.finding, places) | _suppressions(one, places) for one in taken)]
    findings = [*worth_showing(report), *(one.finding for one in taken)]
    index = {name: number for number, name in enumerate(rules)}
    for finding, result, made in zip(findings, results, fingerprints(findings, report.sources), strict=True):
        result["ruleIndex"] = index[finding.rule]
        result["partialFingerprints"] = {FORM: made}
    return results


def _suppressions(taken: TakenOut, places: Places) -> Values:
    kind = "inSource" if taken.place else "external"
    suppression: Values = {"kind": kind, "status": "accepted", "justification": visible(taken.why)}
    if taken.place:
        suppression["location"] = places.location(taken.place)
    return {"suppressions": [suppression]}


def _fixes(fix: Fix | None, places: Places) -> Values:
    """Return how a finding can be mended: one change for each file, its replacements in the order of the file."""
    if fix is None:
        return {}
    edits = sorted(fix.edits, key=lambda edit: (edit.path, edit.start))
    changes = [
        {
            "artifactLocation": places.artifact(path),
            "replacements": [
                {
                    "deletedRegion": places.region(edit.location),
                    "insertedContent": {"text": _text(edit.after)},
                }
                for edit in group
            ],
        }
        for path, group in groupby(edits, key=lambda edit: edit.path)
    ]
    described = f"{fix.description}{'' if fix.safe else ' (changes behaviour, or asks for more)'}"
    return {"fixes": [{"description": {"text": message_text(described)}, "artifactChanges": changes}]}


def _text(after: bytes) -> str:
    """Decode what a fix writes: source is UTF-8, or says that it is Latin-1."""
    try:
        return after.decode("utf-8")
    except UnicodeDecodeError:
        return after.decode("latin-1")


def _result(finding: Finding, places: Places) -> Values:
    location = places.location(finding.location)
    if finding.subject and finding.severity is not Severity.INCOMPLETE:
        location["logicalLocations"] = [{"fullyQualifiedName": visible(finding.subject)}]
    result: Values = {
        "ruleId": visible(finding.rule),
        "level": _level(finding),
        "message": {"text": message_text(_message(finding))},
        "locations": [location],
        "properties": {
            "confidence": finding.confidence.value,
            "blocks": blocks(finding),
            "source": visible(finding.source),
            **({"alsoReportedAs": [visible(name) for name in finding.related]} if finding.related else {}),
        },
    }
    if finding.evidence:
        result["codeFlows"] = [places.code_flow(finding.evidence)]
    return result


def _level(finding: Finding) -> str:
    """Return the level; an error that is a guess does not block, and readers would take ``error`` as if it did."""
    guess = finding.severity is Severity.ERROR and not blocks(finding)
    return "warning" if guess else LEVELS[finding.severity]


def _message(finding: Finding) -> str:
    return f"{finding.message}\nhelp: {finding.help}" if finding.help else finding.message


def _extension(run: ScannerRun) -> Values:
    """Return the component of an analyser that took part; its rules are the driver's, as ``bandit/B602``."""
    version = {"version": visible(run.version)} if run.version else {}
    about = {"status": run.status, "detail": visible(run.detail), "sandbox": visible(run.sandbox)}
    return {"name": visible(run.name), **version, "properties": about}


def _invocation(report: Report, places: Places) -> Values:
    lost = [finding for finding in report.findings if finding.severity is Severity.INCOMPLETE]
    return {
        "executionSuccessful": report.verdict is not Verdict.INCOMPLETE,
        "toolExecutionNotifications": [_notification(finding, places) for finding in lost],
        "toolConfigurationNotifications": [_notification(finding, places) for finding in not_used(report)],
    }


def _notification(finding: Finding, places: Places) -> Values:
    return {
        "descriptor": {"id": visible(finding.rule)},
        "level": LEVELS[finding.severity],
        "message": {"text": message_text(_message(finding))},
        "locations": [places.location(finding.location)],
    }


def _about(report: Report) -> Values:
    """Return what a reader of the log alone would miss: the verdict, under which policy, and over what."""
    return {
        "verdict": report.verdict.value,
        "policy": {"name": visible(report.policy.name), "digest": report.policy.digest},
        "profile": visible(report.profile.name) if report.profile else None,
        "ruleSet": report.rule_set,
        "project": {"name": visible(report.project.name), "version": visible(report.project.version)},
        "hidden": report.hidden,
        "selectedRulesOnly": [visible(option) for option in report.selection.asked] if report.selection else None,
        "rulesNotRun": list(report.not_run),
        "coverage": [_coverage(account) for account in report.coverage],
    }


def _coverage(account: Coverage) -> Values:
    counts = {state.value: account.count(state) for state in State}
    return {"analyser": visible(account.analyser), "unit": account.unit, **counts}
