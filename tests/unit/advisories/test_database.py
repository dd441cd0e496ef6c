"""Asking a database, and what happens to one that is damaged."""

import os
import sqlite3
import threading
from random import Random

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.advisories.database import Database, about


def test_the_sample_answers_with_what_a_report_needs(sample, imported):
    path, _ = imported(sample)
    with Database(path) as database:
        (found,) = database.affecting("idna", "3.6")
        assert (found.id, found.severity, found.fixed) == ("PYSEC-2024-60", "high, CVSS 7.5", ("3.7",))
        assert found.aliases == ("CVE-2024-3651",)
        assert database.affecting("idna", "3.7") == ()
        assert database.affecting("unheard-of", "1.0") == ()


def test_names_are_compared_in_their_normal_form(database_of, record):
    database = database_of(record(name="Zope.Interface", versions=["1.0"]))
    assert database.affecting("zope-interface", "1.0")
    assert database.affecting("ZOPE_interface", "1.0")
    assert not database.affecting("zope", "1.0")


def test_questions_from_many_threads_get_their_own_answers(database_of, record):
    database = database_of(*(record(f"demo{number}", ["1.0"], id=f"PYSEC-{number}") for number in range(20)))
    wrong = []

    def ask(number):
        for _ in range(50):
            if [found.id for found in database.affecting(f"demo{number}", "1.0")] != [f"PYSEC-{number}"]:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_file_is_private_and_leaves_nothing_beside_it(sample, imported, own_home):
    path, _ = imported(sample)
    assert path.stat().st_mode & 0o777 == 0o600
    with Database(path) as database:
        database.affecting("idna", "3.6")
        assert sorted(own_home.iterdir()) == [own_home / "advisories.lock", path]


def test_a_file_others_can_write_is_not_believed(sample, imported):
    path, _ = imported(sample)
    path.chmod(0o666)
    with pytest.raises(ConfigurationProblem, match="can be written by other users"):
        Database(path)


def test_a_database_that_is_not_there_says_how_to_get_one(tmp_path):
    for look in (Database, about):
        with pytest.raises(ConfigurationProblem, match="no local advisory database") as missing:
            look(tmp_path / "advisories.sqlite")
        assert "advisories update" in missing.value.help


def test_every_damage_is_noticed_and_none_looks_like_a_clean_package(sample, imported):
    path, _ = imported(sample)
    sound, numbers = path.read_bytes(), Random(11)
    for _ in range(300):
        damaged = bytearray(sound)
        damaged[numbers.randrange(len(damaged))] ^= 1 << numbers.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(ConfigurationProblem, match="damaged") as refused:
            Database(path)
        assert "advisories import FILE" in refused.value.help


@pytest.mark.parametrize("size", [0, 1, 59, 100, 4096, -1])
def test_a_cut_database_is_damaged(sample, imported, size):
    path, _ = imported(sample)
    os.truncate(path, size if size >= 0 else path.stat().st_size - 1)
    with pytest.raises(ConfigurationProblem, match="damaged"):
        Database(path)


def test_somebody_elses_database_is_damaged_too(tmp_path):
    path = tmp_path / "advisories.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE about (document TEXT)")
    connection.close()
    path.chmod(0o600)
    for look in (Database, about):
        with pytest.raises(ConfigurationProblem, match="damaged"):
            look(path)


def test_a_lock_somebody_holds_on_the_file_does_not_matter(sample, imported):
    path, _ = imported(sample)
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        with Database(path) as database:
            assert database.affecting("idna", "3.6")
    finally:
        holder.close()


def test_a_database_on_storage_that_cannot_be_written_is_read(sample, imported, own_home):
    path, _ = imported(sample)
    path.chmod(0o400)
    own_home.chmod(0o500)
    try:
        with Database(path) as database:
            assert database.affecting("idna", "3.6")
    finally:
        own_home.chmod(0o700)
