"""Read back by two readers: ElementTree (expat), and one that looks at the bytes and the rules of XML 1.0 alone."""

import re
import xml.sax
from dataclasses import replace
from xml.etree import ElementTree as ET

from theodore_plugin.finding import Severity
from theodore_plugin.report.junit import render

ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "skipped"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testcase": {"classname", "name", "file"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}
REQUIRED = {"testsuite": {"name", "tests"}, "testcase": {"classname", "name"}}


def tree(*reports):
    text = render(reports)
    xml.sax.parseString(text.encode(), xml.sax.ContentHandler())
    return ET.fromstring(text)


def fits_jenkins_schema(element):
    """Check against the element model of Jenkins' ``junit-10.xsd`` (plus ``file``, which GitLab and pytest know)."""
    assert set(element.attrib) <= ATTRIBUTES[element.tag], element.attrib
    assert REQUIRED.get(element.tag, set()) <= set(element.attrib)
    for child in element:
        assert child.tag in CHILDREN.get(element.tag, set())
        fits_jenkins_schema(child)
    if element.tag in {"testsuites", "testsuite"}:
        cases = list(element.iter("testcase"))
        assert int(element.get("tests")) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(attribute)) == sum(case.find(tag) is not None for case in cases)


def suites(root):
    return {suite.get("name"): suite for suite in root}


def test_every_document_fits(make_report, everything, hostile):
    for reports in ([], [make_report()], [everything], [hostile], [everything, hostile]):
        fits_jenkins_schema(tree(*reports))


def test_a_suite_per_project_and_analyser(everything, make_report):
    names = [suite.get("name") for suite in tree(everything, make_report())]
    assert names == [
        "page-scraper: theodore (selected rules only)",
        "page-scraper: mypy (selected rules only)",
        "page-scraper: pip-audit (selected rules only)",
        "page-scraper: bandit (selected rules only)",
        "page-scraper: theodore",
    ]


def test_what_blocks_fails_and_what_does_not_passes(everything):
    own = suites(tree(everything))["page-scraper: theodore (selected rules only)"]
    failed = [case.get("name") for case in own if case.find("failure") is not None]
    assert failed == ["undeclared-permission at src/p/plugin.py:5:16"]
    told = {case.get("name"): case.findtext("system-out") for case in own if case.find("system-out") is not None}
    assert set(told) == {"obfuscated-source at src/p/plugin.py:3:1"}


def test_a_failed_analyser_is_an_error_in_its_own_suite(make_report, undeclared):
    lost = replace(undeclared, rule="analyzer-failed", severity=Severity.INCOMPLETE, subject="mypy")
    report = make_report(lost, coverage=make_report().coverage)
    assert suites(tree(report))["page-scraper: theodore"].get("errors") == "1"
    from theodore_plugin.coverage import Coverage, State

    report = make_report(lost, coverage=(Coverage.uniform("mypy", ["a.py"], State.FAILED, "it crashed"),))
    mypy = suites(tree(report))["page-scraper: mypy"]
    assert (mypy.get("errors"), mypy.get("skipped")) == ("1", "1")


def test_what_was_taken_out_or_skipped_is_skipped_and_says_why(everything):
    own = suites(tree(everything))["page-scraper: theodore (selected rules only)"]
    reasons = [case.find("skipped").get("message") for case in own if case.find("skipped") is not None]
    assert reasons == [
        "silenced at src/p/plugin.py:1:1 until 2027-01-01: a test key",
        "excepted by ada in acme.yaml:31 until 2027-03-01: reviewed",
        "accepted by the baseline",
        "not shipped",
    ]


def test_a_clean_project_has_cases_that_pass(make_report):
    (suite,) = tree(make_report())
    assert [(case.get("name"), len(case)) for case in suite] == [("src/p/plugin.py", 0)]


def test_no_finding_is_lost_between_the_suites(everything):
    root = tree(everything)
    records = [record.silenced for record in everything.suppressions]
    taken = sum(map(len, [*records, *(record.excepted for record in everything.exceptions), everything.baselined]))
    found = [case for case in root.iter("testcase") if " at " in case.get("name")]
    assert len(found) == len(everything.findings) + taken


def test_hostile_text_is_ascii_and_holds_no_forbidden_character(hostile):
    text = render([hostile])
    assert text.isascii()
    assert "]]>" not in text
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(x0*[0-8bcef]|0*[0-8];)", text)
    assert "<script>" not in text
    for element in ET.fromstring(text).iter():
        for value in (element.text or "", *element.attrib.values()):
            assert all(character == "\n" or character.isprintable() for character in value)
