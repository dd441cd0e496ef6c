"""The report as JUnit XML, the form every CI system has a page for.

One suite per project and analyser. Its cases are what the analyser was given, and each thing that was found:

- a finding that blocks is a ``failure``, what was not looked at is an ``error``;
- a warning or notice is a case that passes and says so in ``system-out``: the check passes with it, too;
- what was silenced, or skipped on purpose, is ``skipped``;
- a file in which nothing was found is a case that passes.

The elements and their order are those of Jenkins' ``junit-10.xsd``. Characters that XML 1.0 cannot hold are written
as code points, all others outside ASCII as character references, so the text is the same in every encoding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Finding, Severity
from theodore_plugin.report.model import Report, blocks
from theodore_plugin.report.repository import in_repository
from theodore_plugin.report.taken_out import taken_out
from theodore_plugin.report.visible import visible

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
_OWN = "theodore"


def render(reports: Sequence[Report]) -> str:
    """Return one document with all projects."""
    root = ET.Element("testsuites", name="theodore-plugin check")
    for report in reports:
        root.extend(_suites(report))
    _count(root, root.iter("testcase"))
    ET.indent(root)
    return f"{HEAD}{ET.tostring(root, encoding='us-ascii', xml_declaration=False).decode('ascii')}\n"


def _suites(report: Report) -> Iterator[ET.Element]:
    seconds = {run.name: run.seconds for run in report.scanners} | {_OWN: report.seconds}
    for account in _accounts(report):
        name = account.analyser
        part = " (selected rules only)" if report.selection else ""
        suite = ET.Element("testsuite", name=_attribute(f"{report.project.name}: {name}{part}"))
        suite.extend(_cases(report, account))
        _count(suite, suite)
        suite.set("time", f"{seconds.get(name, 0.0):.3f}")
        yield suite


def _accounts(report: Report) -> list[Coverage]:
    """Return the accounts of all analysers; one that reports without having an account gets an empty one."""
    known = [account.analyser for account in report.coverage]
    everything = (*report.findings, *(taken.finding for taken in taken_out(report)))
    others = {_analyser(finding, known) for finding in everything} - set(known)
    return [*report.coverage, *(Coverage(name, ()) for name in sorted(others))]


def _analyser(finding: Finding, known: Sequence[str]) -> str:
    """Return whose suite a finding belongs to; that an analyser failed is told in its own."""
    if finding.severity is Severity.INCOMPLETE and finding.subject in known:
        return str(finding.subject)
    return finding.source


def _cases(report: Report, account: Coverage) -> Iterator[ET.Element]:
    locate = in_repository(report)
    name, known = account.analyser, [other.analyser for other in report.coverage]
    own = [finding for finding in report.findings if _analyser(finding, known) == name]
    for finding in own:
        yield _found(finding, name, locate(finding.location.path))
    for taken in taken_out(report):
        if _analyser(taken.finding, known) == name:
            yield _skipped(_case(taken.finding, name, locate(taken.finding.location.path)), taken.why)
    touched = {finding.location.path for finding in own}
    for entry in account.entries:
        if entry.state is not State.ANALYSED or entry.path not in touched:
            yield _looked_at(entry, name)


def _found(finding: Finding, analyser: str, file: str) -> ET.Element:
    case = _case(finding, analyser, file)
    if finding.severity is Severity.INCOMPLETE or blocks(finding):
        tag = "error" if finding.severity is Severity.INCOMPLETE else "failure"
        told = ET.SubElement(case, tag, message=_attribute(finding.message), type=_attribute(finding.rule))
    else:
        told = ET.SubElement(case, "system-out")
    told.text = visible(_details(finding), keep_newlines=True)
    return case


def _case(finding: Finding, analyser: str, file: str) -> ET.Element:
    name = _attribute(f"{finding.rule} at {finding.location}")
    return ET.Element("testcase", classname=_class_name(analyser), name=name, file=_attribute(file))


def _looked_at(entry: Covered, analyser: str) -> ET.Element:
    case = ET.Element("testcase", classname=_class_name(analyser), name=_attribute(entry.path))
    if entry.state is State.SKIPPED:
        return _skipped(case, entry.reason)
    if entry.state is State.FAILED:
        return _skipped(case, f"not analysed: {entry.reason}")
    return case


def _skipped(case: ET.Element, reason: str) -> ET.Element:
    ET.SubElement(case, "skipped", message=_attribute(reason))
    return case


def _details(finding: Finding) -> str:
    head = f"{finding.severity.value}[{finding.rule}] {finding.location}: {finding.message}"
    steps = [f"  {number}. {step.label} ({step.location})" for number, step in enumerate(finding.evidence, start=1)]
    related = [f"also reported as {', '.join(finding.related)}"] if finding.related else []
    return "\n".join([head, *steps, *related, *([f"help: {finding.help}"] if finding.help else [])])


def _count(element: ET.Element, cases: Iterator[ET.Element] | ET.Element) -> None:
    """Write how many cases there are, and how they ended."""
    all_cases = list(cases)
    element.set("tests", str(len(all_cases)))
    for attribute, tag in _COUNTED.items():
        element.set(attribute, str(sum(case.find(tag) is not None for case in all_cases)))


def _class_name(analyser: str) -> str:
    """Pages group cases by the parts of a dotted name."""
    return visible(f"theodore-plugin.{analyser.replace('.', '-')}")


def _attribute(text: str) -> str:
    return visible(text)
