import gzip
import json
import urllib.request

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.advisories.endpoint import serve
from theodore_plugin.advisories.snapshot import Snapshot


def record(name="demo", versions=(), events=(), **more):
    affected = {
        "package": {"ecosystem": "PyPI", "name": name},
        "versions": list(versions),
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
    }
    return {"id": "PYSEC-1", "modified": "2024-01-01T00:00:00Z", "affected": [affected], **more}


@pytest.fixture
def snapshot_of(tmp_path):
    def make(*records):
        path = tmp_path / "advisories.jsonl"
        path.write_text("".join(json.dumps(each) + "\n" for each in records))
        return Snapshot.load(path)

    return make


RANGE = ({"introduced": "0"}, {"fixed": "1.5"}, {"introduced": "2.0"}, {"last_affected": "2.3"})


@pytest.mark.parametrize(
    ("version", "affected"),
    [("0.1", True), ("1.5rc1", True), ("1.5", False), ("1.9", False), ("2.0", True), ("2.3", True), ("2.3.1", False)],
)
def test_a_version_inside_a_range_is_affected(snapshot_of, version, affected):
    assert bool(snapshot_of(record(events=RANGE)).affecting("demo", version)) is affected


def test_a_listed_version_is_affected_even_if_it_is_no_pep440_version(snapshot_of):
    snapshot = snapshot_of(record(versions=["2004d-final"]))
    assert snapshot.affecting("demo", "2004d-final")
    assert not snapshot.affecting("demo", "2004e-final")


def test_names_are_compared_in_their_normal_form(snapshot_of):
    snapshot = snapshot_of(record(name="Zope.Interface", versions=["1.0"]))
    assert snapshot.affecting("zope-interface", "1.0")
    assert not snapshot.affecting("zope", "1.0")


def test_withdrawn_records_and_other_ecosystems_do_not_count(snapshot_of):
    withdrawn = record(versions=["1.0"], withdrawn="2024-02-01T00:00:00Z")
    foreign = record(versions=["1.0"], id="GHSA-1")
    foreign["affected"][0]["package"]["ecosystem"] = "npm"
    kept = record(name="other", versions=["1.0"], id="PYSEC-2")
    assert snapshot_of(withdrawn, foreign, kept).affecting("demo", "1.0") == []


def test_the_shipped_sample_has_a_digest_and_a_date(snapshot_file):
    snapshot = Snapshot.load(snapshot_file)
    assert len(snapshot.digest) == 64
    assert snapshot.date.startswith("20")
    assert [found["id"] for found in snapshot.affecting("idna", "3.6")] == ["PYSEC-2024-60"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b"", "no advisory at all"),
        ("a.jsonl", b"{", ":1: not JSON"),
        ("a.jsonl", b"\n[]\n", ":2: not a record of OSV"),
        ("a.jsonl", b'{"id": "x", "modified": "y", "affected": [1]}', "not a record of OSV"),
        ("a.jsonl", b'{"id": "x", "modified": "y", "affected": []}', "not a record of OSV"),
        ("a.jsonl", json.dumps(record(schema_version="2.0.0")).encode(), "not a record of OSV"),
        ("a.jsonl.gz", b"plain", "not a complete gzip file"),
        ("a.jsonl.gz", gzip.compress(b"x" * 9999, mtime=0)[:-9], "not a complete gzip file"),
    ],
)
def test_what_is_no_snapshot_is_refused_with_its_line(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigurationProblem, match=says) as refused:
        Snapshot.load(path)
    assert refused.value.help


def test_a_missing_snapshot_is_the_users_mistake(tmp_path):
    with pytest.raises(ConfigurationProblem, match="no such advisory snapshot"):
        Snapshot.load(tmp_path / "gone.jsonl")


def post(url, body):
    request = urllib.request.Request(url, data=body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, json.loads(problem.read())


def test_the_endpoint_answers_as_osv_does(snapshot_file):
    with serve(Snapshot.load(snapshot_file)) as url:
        query = {"package": {"name": "idna", "ecosystem": "PyPI"}, "version": "3.6"}
        status, answer = post(url, json.dumps(query).encode())
        assert (status, [found["id"] for found in answer["vulns"]]) == (200, ["PYSEC-2024-60"])
        assert post(url, json.dumps({**query, "version": "3.7"}).encode()) == (200, {})


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"package": 1}', b'{"package": {"name": "x", "ecosystem": "npm"}, "version": "1"}']
)
def test_the_endpoint_refuses_what_is_no_query(snapshot_file, body):
    with serve(Snapshot.load(snapshot_file)) as url:
        assert post(url, body)[0] == 400
        assert post(url + "/other", b"{}")[0] == 400


def test_the_endpoint_is_gone_after_the_block(snapshot_file):
    with serve(Snapshot.load(snapshot_file)) as url:
        pass
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=2)
