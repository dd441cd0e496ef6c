"""Databases taking each other's place: in date order, whole, among several processes, on a full disk."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
from filelock import FileLock

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.advisories import store
from theodore_plugin.advisories.database import Database
from theodore_plugin.advisories.store import current, database_path

IMPORT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from theodore_plugin.advisories.build import Origin
from theodore_plugin.advisories.snapshot import import_file
from theodore_plugin.advisories.store import database_path
source = Path(sys.argv[1])
print(import_file(source, database_path(), Origin(source.name, datetime.now(UTC)), allow_older=True).digest)
"""


def start(source, **more):
    return subprocess.Popen(
        [sys.executable, "-c", IMPORT, str(source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    )


@pytest.fixture
def dated(write_jsonl, record):
    """Write a snapshot whose newest record is of this day."""

    def write(day, *more):
        stamp = f"2024-{day}T00:00:00Z"
        return write_jsonl(record(versions=["1.0"], modified=stamp), *more, name=f"{day}.jsonl")

    return write


def test_older_data_does_not_replace_newer_data_unless_told_to(dated, imported):
    path, newer = imported(dated("03-01"))
    with pytest.raises(ConfigurationProblem, match="older than the data in place") as refused:
        imported(dated("02-01"))
    assert "--allow-older" in refused.value.help
    assert current(path) == newer
    imported(dated("02-01"), allow_older=True)
    assert current(path).date.startswith("2024-02-01")


def test_data_of_the_same_date_can_be_imported_again(dated, imported):
    imported(dated("03-01"))
    _, about = imported(dated("03-01"))
    assert about.records == 1


def test_a_damaged_database_is_replaced_by_any_data(dated, imported):
    path, _ = imported(dated("03-01"))
    path.write_bytes(b"SQLite format 3\0" + bytes(5000))
    imported(dated("02-01"))
    assert current(path).date.startswith("2024-02-01")


def test_a_reader_keeps_what_it_opened_while_it_is_replaced(dated, imported, record):
    path, _ = imported(dated("02-01"))
    with Database(path) as old:
        imported(dated("03-01", record("other", ["1.0"], id="PYSEC-2")))
        assert not old.affecting("other", "1.0")
        with Database(path) as new:
            assert new.affecting("other", "1.0")
        assert old.affecting("demo", "1.0")


def test_an_import_that_fails_leaves_the_data_and_nothing_else(dated, imported, own_home, tmp_path):
    path, about = imported(dated("03-01"))
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{")
    with pytest.raises(ConfigurationProblem):
        imported(broken)
    assert current(path) == about
    assert sorted(entry.name for entry in own_home.iterdir()) == ["advisories.lock", "advisories.sqlite"]


@pytest.mark.parametrize("after_ms", [50, 120, 250, 400])
def test_a_killed_import_leaves_the_old_data_whole(dated, imported, record, write_jsonl, own_home, after_ms):
    path, about = imported(dated("03-01"))
    many = [record(f"demo-{number}", ["1.0"] * 50, id=f"PYSEC-{number}") for number in range(20_000)]
    process = start(write_jsonl(*many, name="many.jsonl"))
    time.sleep(after_ms / 1000)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert current(path) == about


def test_what_killed_imports_left_is_removed_a_day_later(dated, imported, own_home):
    old, recent = own_home / ".advisories-old.sqlite", own_home / ".advisories-recent.sqlite"
    for left in (old, recent):
        left.touch()
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    imported(dated("03-01"))
    assert (old.exists(), recent.exists()) == (False, True)


def test_eight_processes_import_at_once_and_one_of_them_is_last(dated, record):
    sources = [dated(f"03-0{number}", record(id=f"PYSEC-{number}")) for number in range(1, 9)]
    processes = [start(source) for source in sources]
    ended = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, ended
    assert current(database_path()).digest in {out.decode().strip() for out, _ in ended}


def test_a_process_that_holds_its_turn_for_too_long_is_named(dated, imported, own_home, monkeypatch):
    monkeypatch.setattr(store, "TURN_SECONDS", 0.1)
    with FileLock(own_home / "advisories.lock"), pytest.raises(ConfigurationProblem, match="another process") as waited:
        imported(dated("03-01"))
    assert "import again" in waited.value.help


def test_a_full_disk_is_reported_with_the_file_and_keeps_the_old_data(dated, imported, record, write_jsonl):
    path, about = imported(dated("03-01"))
    source = write_jsonl(
        *(record(f"d{number}", ["1.0"] * 99, id=f"P-{number}") for number in range(2000)), name="m.jsonl"
    )
    limited = start(source, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
    _, said = limited.communicate()
    assert limited.returncode == 1
    assert "OSError" in said.decode().splitlines()[-1]
    assert ".advisories-" in said.decode().splitlines()[-1]
    assert current(path) == about


def test_a_folder_that_cannot_be_written_is_named(dated, imported, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(OSError, match="file") as refused:
        imported(dated("03-01"), in_the_way / "advisories.sqlite")
    assert refused.value.errno in {errno.ENOTDIR, errno.EEXIST}


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_named(dated, imported, own_home):
    own_home.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=str(own_home)):
            imported(dated("03-01"))
    finally:
        own_home.chmod(0o700)


def test_a_folder_others_can_write_is_not_used(dated, imported, own_home):
    own_home.chmod(0o777)
    with pytest.raises(ConfigurationProblem, match="can be written by other users"):
        imported(dated("03-01"))
