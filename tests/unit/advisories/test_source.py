"""The user's choice of a source, what it is opened as, and by what its data is told apart."""

import gzip
import os

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.advisories import snapshot
from theodore_plugin.advisories.snapshot import snapshot_cache, snapshot_database
from theodore_plugin.advisories.source import AdvisorySource, Kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("online", Kind.ONLINE),
        ("local", Kind.DATABASE),
        ("off", Kind.OFF),
        ("https://osv.example/v1/query", Kind.ENDPOINT),
        ("http://127.0.0.1:9/v1/query", Kind.ENDPOINT),
        ("folder/a.jsonl", Kind.SNAPSHOT),
        ("a.jsonl.gz", Kind.SNAPSHOT),
        ("all.zip", Kind.SNAPSHOT),
    ],
)
def test_a_source_is_known_by_its_form(text, kind):
    assert AdvisorySource.parse(text).kind is kind


@pytest.mark.parametrize("text", ["", "offline", "file:///a", "advisories.db", "ftp://example.org/a", "Local"])
def test_what_is_no_source_is_refused_with_those_there_are(text):
    with pytest.raises(ConfigurationProblem, match="no source of vulnerability data") as refused:
        AdvisorySource.parse(text)
    assert all(word in refused.value.help for word in ("online", "local", "off", ".jsonl", ".zip"))


@pytest.mark.parametrize(("text", "meant"), [("locl", "local"), ("Local", "local"), ("on-line", "online")])
def test_a_misspelt_source_names_its_nearest_neighbour(text, meant):
    with pytest.raises(ConfigurationProblem, match=f"did you mean '{meant}'"):
        AdvisorySource.parse(text)


def test_the_local_database_is_served_with_its_source_digest_and_date(sample, imported):
    path, about = imported(sample)
    with AdvisorySource.parse("local").opened() as service:
        assert service.label.source == "local advisory database, from advisories.jsonl"
        assert (service.label.digest, service.label.date) == (about.digest, about.date)
        assert service.arguments[-1] == f"http://127.0.0.1:{service.port}/v1/query"
    assert path.exists()


def test_a_local_database_that_is_not_there_says_how_to_get_one():
    with pytest.raises(ConfigurationProblem, match="no local") as refused, AdvisorySource.parse("local").opened():
        pass
    assert "advisories update" in refused.value.help


def test_the_same_data_has_the_same_digest_as_file_and_as_local_database(sample, imported, tmp_path):
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(sample.read_bytes(), mtime=0))
    _, about = imported(packed)
    with AdvisorySource.parse(str(sample)).opened() as service:
        assert service.label.digest == about.digest


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("online", None),
        ("https://osv.example/v1/query", None),
        ("http://osv.example:8080/v1/query", None),
        ("http://127.0.0.1:8080/v1/query", 8080),
        ("http://127.0.0.1/v1/query", 80),
        ("https://127.0.0.1/v1/query", None),
        ("http://127.0.0.1:99999999/v1/query", None),
    ],
)
def test_a_service_has_neither_digest_nor_date_and_on_this_machine_a_port(text, port):
    with AdvisorySource.parse(text).opened() as service:
        assert (service.port, service.label.digest, service.label.date) == (port, None, None)
    assert AdvisorySource.parse(text).fingerprint() is None


def test_a_fingerprint_changes_with_the_data_and_with_nothing_else(write_jsonl, record, imported):
    local = AdvisorySource.parse("local")
    assert local.fingerprint() is None
    imported(write_jsonl(record(versions=["1.0"])))
    first = local.fingerprint()
    imported(write_jsonl(record(versions=["1.0"])))
    assert local.fingerprint() == first
    imported(write_jsonl(record(versions=["1.1"])))
    assert local.fingerprint() not in {first, None}


def test_a_fingerprint_of_a_snapshot_is_of_its_bytes(write_jsonl, record, tmp_path):
    path = write_jsonl(record(versions=["1.0"]))
    source = AdvisorySource.parse(str(path))
    first = source.fingerprint()
    path.write_text(path.read_text() + "\n")
    assert source.fingerprint() not in {first, None}
    path.unlink()
    assert source.fingerprint() is None
    assert AdvisorySource.parse("off").fingerprint() == "off"


def test_a_snapshot_is_imported_once_and_then_only_opened(sample, monkeypatch):
    with snapshot_database(sample) as database:
        assert database.affecting("idna", "3.6")
    monkeypatch.setattr(snapshot, "build", lambda *_: pytest.fail("built again"))
    with snapshot_database(sample) as database:
        assert database.affecting("idna", "3.6")


def test_a_kept_database_that_is_damaged_is_made_again(sample):
    with snapshot_database(sample):
        (kept,) = snapshot_cache().glob("*.sqlite")
    os.truncate(kept, 5000)
    with snapshot_database(sample) as database:
        assert database.affecting("idna", "3.6")


def test_few_databases_are_kept_and_the_least_used_goes_first(write_jsonl, record):
    paths = [write_jsonl(record(versions=[f"{number}"]), name=f"{number}.jsonl") for number in range(6)]
    for path in paths[:4]:
        with snapshot_database(path):
            pass
    for age, kept in enumerate(sorted(snapshot_cache().glob("*.sqlite"), key=os.path.getmtime)):
        os.utime(kept, (1_000_000 + age,) * 2)
    with snapshot_database(paths[0]):
        pass
    with snapshot_database(paths[4]):
        pass
    names = {kept.name for kept in snapshot_cache().glob("*.sqlite")}
    assert len(names) == 4
    assert {snapshot.kept_path(paths[0]).name, snapshot.kept_path(paths[4]).name} <= names
    assert snapshot.kept_path(paths[1]).name not in names


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(sample, own_home):
    (own_home / "cache").touch()
    with snapshot_database(sample) as database:
        assert database.affecting("idna", "3.6")
    assert (own_home / "cache").is_file()


def test_a_defective_snapshot_names_its_line_as_often_as_it_is_asked(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n{}\n")
    for _ in range(2):
        with pytest.raises(ConfigurationProblem, match=r"a\.jsonl:2: "), snapshot_database(path):
            pass


def test_a_snapshot_that_is_not_there_is_the_users_mistake(tmp_path):
    with (
        pytest.raises(ConfigurationProblem, match="no such advisory snapshot"),
        snapshot_database(tmp_path / "gone.jsonl"),
    ):
        pass


def test_a_snapshot_that_is_not_there_is_refused_before_anything_is_audited(tmp_path):
    missing = AdvisorySource.parse(str(tmp_path / "gone.jsonl"))
    with pytest.raises(ConfigurationProblem, match=r"gone\.jsonl: there is no such advisory snapshot"):
        missing.existing()
