import json
from dataclasses import replace

import jsonschema

from theodore_plugin.finding import Severity
from theodore_plugin.report.gitlab import MAX_DESCRIPTION, render
from theodore_plugin.report.model import ProjectLabel

FORM = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "additionalProperties": False,
                "properties": {
                    "path": {"type": "string", "pattern": "^[^/]"},
                    "lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer"}}},
                },
            },
        },
    },
}
"""What GitLab documents for Code Quality reports."""


def read(*reports):
    return json.loads(render(reports))


def test_the_form_is_the_documented_one(make_report, everything, hostile):
    for reports in ([make_report()], [everything], [hostile, everything]):
        jsonschema.validate(read(*reports), FORM)


def test_nothing_found_is_an_empty_list(make_report):
    assert read(make_report()) == []


def test_severities_keep_their_order(everything):
    by_rule = {entry["check_name"]: entry["severity"] for entry in read(everything)}
    assert by_rule["analyzer-failed"] == "blocker"
    assert by_rule["undeclared-permission"] == "critical"
    assert by_rule["obfuscated-source"] == "major"
    assert by_rule["bandit/B310"] == "minor"
    assert by_rule["mypy/arg-type"] == "info"


def test_fingerprints_are_unique_over_equal_findings_and_equal_projects(make_report, undeclared):
    twice = make_report(undeclared, undeclared)
    other = replace(twice, project=ProjectLabel("other", "1.0", "other", "source"))
    entries = read(twice, other)
    assert len({entry["fingerprint"] for entry in entries}) == len(entries) == 4


def test_a_fingerprint_survives_moved_lines(make_report, undeclared):
    (before,) = read(make_report(undeclared))
    moved = replace(undeclared, location=replace(undeclared.location, line=6, end_line=6))
    sources = {path: b"\n" + data for path, data in make_report().sources.items()}
    (after,) = read(make_report(moved, sources=sources))
    assert before["fingerprint"] == after["fingerprint"]
    assert after["location"]["lines"] == {"begin": 6}


def test_hostile_text_is_shown_and_cut(hostile):
    text = render([hostile])
    assert text.isascii()
    for entry in json.loads(text):
        assert entry["description"].isprintable()
        assert entry["location"]["path"].isprintable()
        assert len(entry["description"]) <= MAX_DESCRIPTION


def test_what_was_not_looked_at_is_the_worst(make_report, undeclared):
    (entry,) = read(make_report(replace(undeclared, severity=Severity.INCOMPLETE)))
    assert entry["severity"] == "blocker"
