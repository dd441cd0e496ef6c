import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from theodore_plugin.store import entry
from theodore_plugin.store.code import code_digest
from theodore_plugin.store.store import Store, key_of

KEY = key_of("a", "b")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "things", 10_000)


def the_entry(store):
    (found,) = store.entries()
    return Path(found.path)


def test_what_is_put_comes_back_under_its_key_alone(store):
    store.put(KEY, b"data")
    assert store.get(KEY) == b"data"
    assert store.get(key_of("a", "c")) is None


def test_keys_tell_their_parts_apart():
    assert len({key_of("ab", "c"), key_of("a", "bc"), key_of("abc"), key_of("a", "b", "c"), key_of("\udcff")}) == 5


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: path.write_bytes(bytes(32) + b"data"),
        lambda path: path.chmod(0o666),
        lambda path: (path.rename(path.with_name("elsewhere")), path.symlink_to("elsewhere")),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), os.mkfifo(path)),
        lambda path: os.truncate(path, entry.MAX_ENTRY_BYTES + 1),
    ],
    ids=["empty", "cut", "longer", "digest", "writable", "link", "folder", "pipe", "huge"],
)
def test_what_is_not_as_it_was_written_is_nothing(store, damage):
    store.put(KEY, b"data")
    damage(the_entry(store))
    assert store.get(KEY) is None


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file", 100)
    store.put(KEY, b"data")
    store.trim()
    assert store.get(KEY) is None


def test_what_was_used_last_stays(store):
    for number in range(20):
        store.put(key_of(str(number)), bytes(900))
        path = entry.place(str(store.folder), key_of(str(number)))
        os.utime(path, (1000 + number, 1000 + number))
    assert store.get(key_of("0")) is not None
    store.trim()
    kept = [number for number in range(20) if store.get(key_of(str(number))) is not None]
    assert kept[0] == 0
    assert kept[1:] == list(range(20 - len(kept) + 1, 20))
    assert sum(found.size for found in store.entries()) <= store.max_bytes


def test_cleaning_says_how_much_it_was_and_leaves_nothing(store):
    store.put(KEY, bytes(100))
    assert store.clean() == 100 + entry.DIGEST_BYTES
    assert list(store.entries()) == []


def test_readers_never_see_half_an_entry(store):
    versions = [bytes([number]) * 5000 for number in range(4)]
    store.put(KEY, versions[0])
    stop = threading.Event()

    def write(data):
        while not stop.is_set():
            store.put(KEY, data)

    writers = [threading.Thread(target=write, args=(data,)) for data in versions]
    for writer in writers:
        writer.start()
    seen = {store.get(KEY) for _ in range(500)}
    stop.set()
    for writer in writers:
        writer.join()
    assert seen <= set(versions)


def test_a_writer_killed_half_way_leaves_the_old_entry_and_what_trimming_removes(store):
    store.put(KEY, b"old")
    script = (
        "import os, signal, sys; from pathlib import Path; from theodore_plugin.store import store as s;"
        "os.fdopen = lambda *a: os.kill(os.getpid(), signal.SIGKILL);"
        "s.Store(Path(sys.argv[1]), 10).put(sys.argv[2], b'new')"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(store.folder), KEY], check=False)
    assert killed.returncode == -9
    assert store.get(KEY) == b"old"
    assert len(list(store.entries())) == 2
    Store(store.folder, 0).trim()
    assert list(store.entries()) == []


def test_a_digest_of_code_is_of_that_code():
    assert code_digest("facts") == code_digest("facts")
    assert code_digest("facts") != code_digest("store")
