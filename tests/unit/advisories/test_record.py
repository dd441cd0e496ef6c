import json

import pytest

from theodore_plugin.advisories.record import MAX_RECORD_BYTES, DefectiveRecordError, read_record


@pytest.fixture
def read(now):
    return lambda value: read_record(json.dumps(value).encode(), now)


def test_a_record_is_read_with_everything_a_report_needs(read, record):
    aliases = ["CVE-2024-1", "GHSA-a", "", 3]
    found = read(record("Zope.Interface", ["1.0"], summary="  bad\n thing ", details="long", aliases=aliases))
    assert (found.id, found.summary, found.aliases) == ("PYSEC-1", "bad thing", ("CVE-2024-1", "GHSA-a"))
    assert (list(found.affected), found.withdrawn) == (["zope-interface"], False)


def test_several_entries_for_one_package_count_together(read, record):
    value = record(versions=["1.0"])
    value["affected"] += record("Demo", ["2.0"])["affected"]
    affected = read(value).affected["demo"]
    assert affected.covers("1.0")
    assert affected.covers("2.0")


def test_other_ecosystems_are_left_out(read, record):
    value = record()
    value["affected"][0]["package"]["ecosystem"] = "npm"
    assert read(value).affected == {}
    assert read({**value, "affected": None}).affected == {}
    assert read({**value, "affected": [{"ranges": []}]}).affected == {}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2024-01-31T12:00:00Z", "2024-01-31T12:00:00.000000Z"),
        ("2024-01-31T13:00:00.5+01:00", "2024-01-31T12:00:00.500000Z"),
        ("2021-07-16T01:31:33.917972123Z", "2021-07-16T01:31:33.917972Z"),
        ("1-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_stamps_are_kept_in_a_form_whose_text_order_is_time_order(read, record, text, kept):
    assert read(record(modified=text)).modified == kept


@pytest.mark.parametrize(
    ("stamp", "withdrawn"), [(None, False), ("2024-05-01T00:00:00Z", True), ("2030-01-01T00:00:00Z", False)]
)
def test_a_record_is_withdrawn_from_its_day_on(read, record, stamp, withdrawn):
    assert read(record(withdrawn=stamp)).withdrawn is withdrawn


def test_the_digest_is_of_the_meaning_and_not_of_the_layout(now, record):
    value = record(details="é")
    one = json.dumps(value, indent=3, ensure_ascii=False).encode()
    other = json.dumps(dict(reversed(value.items()))).encode()
    assert read_record(one, now).digest == read_record(other, now).digest
    assert read_record(one, now).digest != read_record(json.dumps({**value, "x": 1}).encode(), now).digest


WRONG = {
    "no object": [],
    "no id": {"id": None},
    "a number as id": {"id": 7},
    "an id with a line break": {"id": "PYSEC\n1"},
    "no date": {"modified": "y"},
    "a date without a zone": {"modified": "2024-01-01T00:00:00"},
    "a date that overflows": {"modified": "0001-01-01T00:00:00+23:00"},
    "a date in the future": {"modified": "2025-01-03T00:00:00Z"},
    "a later schema": {"schema_version": "2.0.0"},
    "withdrawn without a date": {"withdrawn": True},
    "affected that is no list": {"affected": {}},
    "affected entries that are no objects": {"affected": [1]},
    "a package that is no object": {"affected": [{"package": "demo"}]},
    "a package without a name": {"affected": [{"package": {"ecosystem": "PyPI"}}]},
    "a package without an ecosystem": {"affected": [{"package": {"name": "demo"}}]},
}
DEMO = {"package": {"ecosystem": "PyPI", "name": "demo"}}
WRONG_INSIDE = {
    "versions that are no list": {"versions": "1.0"},
    "versions that are numbers": {"versions": [1.0]},
    "a version with a surrogate": {"versions": ["1\ud800"]},
    "ranges that are no list": {"ranges": 1},
    "a range that is no object": {"ranges": [[]]},
    "a range without a type": {"ranges": [{"events": []}]},
    "events that are missing": {"ranges": [{"type": "ECOSYSTEM"}]},
    "an event that is no object": {"ranges": [{"type": "ECOSYSTEM", "events": ["fixed"]}]},
    "a bound that is a number": {"ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": 1}]}]},
    "a bound that is nothing": {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": None}]}]},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_what_decides_is_never_guessed(read, record, wrong):
    with pytest.raises(DefectiveRecordError):
        read({**record(), **wrong} if wrong else wrong)


@pytest.mark.parametrize("wrong", WRONG_INSIDE.values(), ids=WRONG_INSIDE.keys())
def test_what_is_wrong_about_a_package_is_never_passed_over(read, record, wrong):
    with pytest.raises(DefectiveRecordError):
        read(record() | {"affected": [DEMO | wrong]})


@pytest.mark.parametrize(
    "cosmetic",
    [{"summary": 3, "details": None}, {"aliases": "CVE-1"}, {"severity": 5}, {"references": "x"}, {"published": []}],
    ids=lambda value: next(iter(value)),
)
def test_what_is_only_shown_counts_as_absent_where_it_is_malformed(read, record, cosmetic):
    assert read(record(versions=["1.0"], **cosmetic)).affected["demo"].covers("1.0")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"id": "A", "x": ' + b'{"a":' * 100_000, "nested too deeply"),
        (b" " * (MAX_RECORD_BYTES + 1), "longer than"),
    ],
    ids=["cut", "no utf-8", "huge number", "deep list", "deep object", "huge"],
)
def test_hostile_text_is_a_defect(now, text, says):
    with pytest.raises(DefectiveRecordError, match=says):
        read_record(text, now)


def test_a_summary_is_cut_and_can_be_written(read, record):
    assert len(read(record(details="x" * 10_000)).summary) == 300
    read(record(details="\ud800")).summary.encode()
