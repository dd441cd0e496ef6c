import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest

from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.report.fingerprint import FORM
from theodore_plugin.report.sarif import render

SCHEMA = Path(__file__).parents[2] / "data" / "sarif" / "sarif-2.1.0.schema.json"


@pytest.fixture(scope="module")
def official():
    return jsonschema.Draft202012Validator(
        json.loads(SCHEMA.read_bytes()), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def log(*reports):
    return json.loads(render(reports))


def only_run(report):
    (run,) = log(report)["runs"]
    return run


def region_of(report):
    (result,) = only_run(report)["results"]
    return result["locations"][0]["physicalLocation"]["region"]


def at(place, message="wrong", rule="shell-injection", **more):
    return Finding(rule, Severity.ERROR, Confidence.HIGH, place, message, **more)


def test_the_official_schema_accepts_every_log(official, make_report, everything, hostile):
    for reports in ([], [make_report()], [everything], [hostile], [everything, hostile, make_report()]):
        official.validate(log(*reports))


def test_the_official_schema_would_refuse_a_wrong_log(official, everything):
    values = log(everything)
    values["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        official.validate(values)


def test_every_result_points_at_its_rule(everything):
    run = only_run(everything)
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert len({rule["id"] for rule in rules}) == len(rules)


def test_a_rule_brings_its_documentation_and_what_code_scanning_reads(everything):
    rules = {rule["id"]: rule for rule in only_run(everything)["tool"]["driver"]["rules"]}
    ours = rules["undeclared-permission"]
    assert ours["help"]["markdown"].startswith("# undeclared-permission\n")
    assert ours["helpUri"] == "urn:theodore:rule:undeclared-permission"
    assert ours["properties"] == {"tags": ["permissions", "security"], "precision": "high", "security-severity": "8.0"}
    assert ours["defaultConfiguration"] == {"level": "error"}
    assert rules["bandit/B310"]["helpUri"].startswith("https://bandit.readthedocs.io/")
    assert rules["mypy/arg-type"]["properties"]["problem.severity"] == "recommendation"
    assert "security-severity" not in rules["mypy/arg-type"]["properties"]


def test_levels_say_what_blocks(everything):
    levels = {result["ruleId"]: result["level"] for result in only_run(everything)["results"]}
    assert levels["undeclared-permission"] == "error"
    assert levels["obfuscated-source"] == "warning"  # an error, but a guess
    assert levels["analyzer-failed"] == "error"
    assert levels["mypy/arg-type"] == "note"


def test_what_was_not_looked_at_is_no_success(everything, make_report):
    (invocation,) = only_run(everything)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [told["message"]["text"] for told in invocation["toolExecutionNotifications"]] == ["mypy crashed"]
    (clean,) = only_run(make_report())["invocations"]
    assert clean["executionSuccessful"] is True
    assert clean["toolExecutionNotifications"] == clean["toolConfigurationNotifications"] == []


def test_findings_are_no_failure_of_the_run(make_report, undeclared):
    assert only_run(make_report(undeclared))["invocations"][0]["executionSuccessful"] is True


def test_what_was_taken_out_says_by_whom(everything):
    taken = {r["ruleId"]: r["suppressions"][0] for r in only_run(everything)["results"] if "suppressions" in r}
    assert taken["secret-to-log"]["kind"] == "inSource"
    assert taken["secret-to-log"]["justification"].endswith("until 2027-01-01: a test key")
    assert taken["native-call"]["kind"] == "external"
    assert taken["native-call"]["justification"].startswith("excepted by ada in acme.yaml:31 until 2027-03-01")
    assert taken["leaked-resource"] == {
        "kind": "external",
        "status": "accepted",
        "justification": "accepted by the baseline",
    }
    assert len(taken) == 3


def test_a_fix_says_what_goes_and_what_comes(everything):
    ((fix,),) = [result["fixes"] for result in only_run(everything)["results"] if "fixes" in result]
    assert fix["description"]["text"] == "call httpx.post (changes behaviour, or asks for more)"
    ((change,),) = (fix["artifactChanges"],)
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 5, "startColumn": 22, "endLine": 5, "endColumn": 25},
            "insertedContent": {"text": "post"},
        }
    ]


def test_the_evidence_is_a_code_flow(make_report, undeclared):
    (result,) = only_run(make_report(undeclared))["results"]
    ((thread,),) = [flow["threadFlows"] for flow in result["codeFlows"]]
    labels = [step["location"]["message"]["text"] for step in thread["locations"]]
    assert labels == ["Plugin.scrape_content", "httpx.get"]


def test_columns_count_code_points_from_one(make_report):
    source = "名 = '\U0001f600' + eval(x)\n".encode()
    column = source.decode().index("eval") + 1
    report = make_report(at(Location("a.py", 1, column, 1, column + 7)), sources={"a.py": source})
    region = region_of(report)
    line = source.decode().splitlines()[0]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "eval(x)"
    assert only_run(report)["columnKind"] == "unicodeCodePoints"


def test_a_region_stays_inside_the_line(make_report):
    report = make_report(at(Location("a.py", 1, 9_999, 1, 10_000)), sources={"a.py": b"x = 1\n"})
    assert region_of(report) == {"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 6}


def test_a_region_never_ends_before_it_begins(make_report):
    report = make_report(at(Location("a.py", 3, 5, 1, 2)), sources={})
    assert region_of(report) == {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 5}


@pytest.mark.parametrize("path", ["a b/ü%41#?.py", "C:/x.py", "\udcff.py", "src/\u202e.py"], ids=ascii)
def test_a_path_becomes_a_relative_reference_and_back(make_report, path):
    (result,) = only_run(make_report(at(Location(path)), sources={}))["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uriBaseId"] == "SRCROOT"
    assert re.fullmatch(r"[A-Za-z0-9%/._~-]+", artifact["uri"])
    assert unquote_to_bytes(artifact["uri"]) == path.encode("utf-8", "surrogateescape")


def test_a_project_below_the_root_is_named_from_there(make_report, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    report = make_report(at(Location("src/a.py")), sources={}, place=tmp_path / "plugins" / "one")
    (result,) = only_run(report)["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "plugins/one/src/a.py"


def test_a_fingerprint_survives_moved_lines(make_report, undeclared):
    def fingerprint(report):
        (result,) = only_run(report)["results"]
        return result["partialFingerprints"][FORM]

    before = make_report(undeclared)
    place = replace(undeclared.location, line=7, end_line=7)
    sources = {path: b"# one\n# two\n" + data for path, data in before.sources.items()}
    after = make_report(replace(undeclared, location=place), sources=sources)
    assert fingerprint(before) == fingerprint(after)


def test_the_text_of_a_message_is_neither_link_nor_placeholder(make_report):
    found = at(Location("a.py"), "see [this](https://evil.example) {0} {cache} \\")
    (result,) = only_run(make_report(found, sources={}))["results"]
    assert result["message"]["text"] == "see \\[this\\](https://evil.example) {{0}} {cache} \\\\"


def test_every_project_is_a_run_of_its_own(make_report, everything):
    runs = log(make_report(), everything)["runs"]
    assert [len(run["results"]) for run in runs] == [0, 9]
    assert [run["automationDetails"]["id"] for run in runs] == [
        "theodore-plugin/page-scraper/",
        "theodore-plugin/page-scraper/2/",
    ]


def test_nothing_is_said_about_version_control(everything):
    assert "versionControlProvenance" not in only_run(everything)


def test_hostile_text_is_ascii_and_printable_once_read(hostile):
    text = render([hostile])
    assert text.isascii()

    def texts(value):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for name, inner in value.items():
                yield name
                if name != "insertedContent":  # what a fix writes is what it writes
                    yield from texts(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from texts(inner)

    for piece in texts(json.loads(text)):
        assert all(character == "\n" or character.isprintable() for character in piece), piece


def test_configuration_that_was_not_used_is_told_and_no_alert(official, make_report):
    seen = at(Location("pyproject.toml", 7), "[tool.mypy]; seen, and not used", "target-tool-config-ignored")
    values = log(make_report(replace(seen, severity=Severity.NOTICE), sources={}))
    official.validate(values)
    (run,) = values["runs"]
    assert run["results"] == []
    ((told,),) = [invocation["toolConfigurationNotifications"] for invocation in run["invocations"]]
    assert told["level"] == "note"
    assert told["locations"][0]["physicalLocation"]["region"]["startLine"] == 7


def test_a_policy_that_minds_such_configuration_gets_a_result(make_report):
    seen = at(Location("pyproject.toml", 7), "seen", "target-tool-config-ignored")
    assert [result["level"] for result in only_run(make_report(seen, sources={}))["results"]] == ["error"]
