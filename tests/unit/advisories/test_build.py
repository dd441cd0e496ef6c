"""What a database holds of the records it was made from."""

import hashlib
import json

import pytest

from theodore_loader.errors import ConfigurationProblem


def test_the_newest_of_several_records_with_one_id_counts_in_any_order(database_of, record):
    old = record(versions=["1.0"])
    new = record("other", ["1.0"], modified="2024-02-01T00:00:00Z")
    for order in ((old, new), (new, old), (old, new, old)):
        database = database_of(*order)
        assert not database.affecting("demo", "1.0")
        assert database.affecting("other", "1.0")
        assert database.about.repeated == len(order) - 1


def test_of_two_that_are_equally_new_the_order_of_the_file_does_not_decide(database_of, record):
    one, other = record(versions=["1.0"]), record(versions=["2.0"])
    assert database_of(one, other).about.digest == database_of(other, one).about.digest


def test_a_record_withdrawn_later_is_gone_and_its_date_counts(database_of, record):
    withdrawn = record(modified="2024-03-01T00:00:00Z", withdrawn="2024-03-01T00:00:00Z", versions=["1.0"])
    database = database_of(record(versions=["1.0"]), withdrawn, record("kept", ["1.0"], id="PYSEC-2"))
    assert not database.affecting("demo", "1.0")
    assert (database.about.withdrawn, database.about.date[:7]) == (1, "2024-03")


def test_records_of_other_ecosystems_are_counted_and_left_out(database_of, record):
    foreign = record(id="GHSA-1", modified="2024-05-01T00:00:00Z", versions=["1.0"])
    foreign["affected"][0]["package"]["ecosystem"] = "npm"
    about = database_of(record(), foreign).about
    assert (about.records, about.foreign, about.date[:7]) == (1, 1, "2024-01")


def test_the_digest_can_be_computed_by_hand(database_of, record):
    records = [record(id="B"), record("x", id="A"), record(id="C", withdrawn="2024-01-01T00:00:00Z")]
    lines = b""
    for each in sorted(records[:2], key=lambda each: each["id"]):
        canonical = json.dumps(each, sort_keys=True, separators=(",", ":")).encode()
        lines += f"{each['id']} {hashlib.sha256(canonical).hexdigest()}\n".encode()
    assert database_of(*records).about.digest == hashlib.sha256(lines).hexdigest()


def test_every_defect_is_listed_with_its_line_and_nothing_is_imported(imported, tmp_path, record, own_home):
    source = tmp_path / "a.jsonl"
    source.write_text(f"{json.dumps(record())}\n{{\n[]\n" + "0\n" * 20)
    with pytest.raises(ConfigurationProblem) as refused:
        imported(source)
    lines = refused.value.message.splitlines()
    assert lines[0].startswith(f"{source}:2: not JSON")
    assert lines[1] == f"{source}:3: the record is not an object"
    assert len(lines) == 10
    assert list(own_home.iterdir()) == []


@pytest.mark.parametrize("content", ["", "\n\n", '{"id":"A","modified":"2024-01-01T00:00:00Z","affected":[]}'])
def test_a_file_without_any_advisory_is_no_snapshot(imported, tmp_path, content):
    source = tmp_path / "a.jsonl"
    source.write_text(content)
    with pytest.raises(ConfigurationProblem, match="holds no advisory"):
        imported(source)


def test_a_file_of_withdrawn_records_alone_is_no_snapshot(database_of, record):
    with pytest.raises(ConfigurationProblem, match="holds no advisory"):
        database_of(record(withdrawn="2024-01-01T00:00:00Z"))


def test_the_real_snapshot_is_imported_whole(real_snapshot, imported):
    _, about = imported(real_snapshot)
    assert about.records + about.withdrawn + about.foreign + about.repeated >= 1000
    assert about.packages > 100
