import json

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_plugin.report.json import to_json, to_json_dict


@pytest.fixture(scope="module")
def validator():
    schema = json.loads((policies_dir() / "schemas" / "report.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_a_full_and_an_empty_report_fit_the_schema(validator, rich_report, make_report):
    for report in (rich_report, make_report()):
        validator.validate(json.loads(to_json(report)))


def test_the_schema_would_notice_a_key_that_is_missing_or_new(validator, rich_report):
    values = to_json_dict(rich_report)
    for broken in ({**values, "new": 1}, {key: value for key, value in values.items() if key != "coverage"}):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(broken)


def test_what_was_not_looked_at_adds_up(rich_report):
    for account in to_json_dict(rich_report)["coverage"]:
        assert account["given"] == account["analysed"] + len(account["skipped"]) + len(account["failed"])


def test_the_verdict_and_what_blocks_are_in_it(rich_report):
    values = to_json_dict(rich_report)
    assert values["verdict"] == "incomplete"
    assert [finding["blocks"] for finding in values["findings"]] == [True, False]


def test_hostile_text_stays_ascii_and_one_document(make_report, undeclared):
    text = to_json(make_report(undeclared, sources={"x": b""}))
    assert text.isascii()
    assert json.loads(text)["findings"][0]["message"] == undeclared.message
