"""The store: whole or absent, read-only, and never handing out what was not verified."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from theodore_loader.artifact import tree
from theodore_loader.artifact.store import Store
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem, Refused


@pytest.fixture
def wheel(kit) -> Wheel:
    return Wheel.read(kit.bytes({f"acme_hello/part{n}.py": b"x = 1\n" * 200 for n in range(40)}), kit.filename)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def writable(path: Path) -> None:
    """Undo read-only, as somebody with the user's rights could."""
    path.parent.chmod(0o755)
    if path.exists():
        path.chmod(0o644)


def test_what_was_verified_is_what_is_stored(tmp_path, wheel):
    stored = Store(tmp_path).add(wheel)
    found = {
        path.relative_to(stored.path).as_posix(): path.read_bytes()
        for path in stored.path.rglob("*.*")
        if path.is_file()
    }
    assert found == {name: content for name, content in wheel.entries.items() if "." in Path(name).name}
    assert stored.wheel == wheel
    assert tree.differences(stored.path, wheel.entries) == []


def test_everything_stored_is_read_only(tmp_path, wheel):
    stored = Store(tmp_path).add(wheel)
    modes = {oct(path.stat().st_mode & 0o7777) for path in stored.path.rglob("*")} | {
        oct(stored.path.stat().st_mode & 0o7777)
    }
    assert modes == {"0o444", "0o555"}


def test_adding_twice_keeps_the_first(tmp_path, wheel):
    store = Store(tmp_path)
    first = store.add(wheel).path.stat().st_ino
    assert store.add(wheel).path.stat().st_ino == first


def test_a_digest_that_is_not_stored(tmp_path):
    with pytest.raises(ConfigurationProblem, match="no plugin with digest"):
        Store(tmp_path).open("0" * 64)


@pytest.mark.parametrize("digest", ["", "../../etc", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_digest(tmp_path, digest):
    with pytest.raises(ConfigurationProblem, match="no SHA-256 digest"):
        Store(tmp_path).open(digest)
    with pytest.raises(ConfigurationProblem, match="no SHA-256 digest"):
        Store(tmp_path).remove(digest)


def change(path: Path) -> None:
    path.write_bytes(b"GREETING = 'evil!'\n")


def delete(path: Path) -> None:
    path.unlink()


def add_beside(path: Path) -> None:
    path.with_name("evil.py").write_bytes(b"")


def link(path: Path) -> None:
    content = path.read_bytes()
    elsewhere = path.parents[3] / "elsewhere.py"
    writable(elsewhere)
    elsewhere.write_bytes(content)
    path.unlink()
    path.symlink_to(elsewhere)


def link_folder(path: Path) -> None:
    path.with_name("more").symlink_to("/etc")


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_endless(path: Path) -> None:
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize("tamper", [change, delete, add_beside, link, link_folder, make_fifo, make_endless])
def test_a_changed_tree_is_refused(tmp_path, wheel, tamper):
    store = Store(tmp_path)
    target = store.add(wheel).path / "acme_hello" / "__init__.py"
    writable(target)
    tamper(target)
    with pytest.raises(Refused) as caught:
        store.open(wheel.sha256)
    assert caught.value.rule == "record-mismatch"
    assert caught.value.help


def test_an_endless_file_in_the_place_of_the_wheel_is_refused(tmp_path, wheel):
    store = Store(tmp_path)
    store.add(wheel)
    path = tmp_path / "store" / wheel.sha256 / "wheel" / wheel.filename
    writable(path)
    make_endless(path)
    with pytest.raises(Refused, match="changed after verification"):
        store.open(wheel.sha256)


def test_tree_and_record_changed_together_are_refused(tmp_path, kit, wheel):
    store = Store(tmp_path)
    evil = Wheel.read(kit.bytes({"acme_hello/evil.py": b"import os\n"}), kit.filename)
    tree_of_evil, folder = store.add(evil).path, store.add(wheel).path.parent
    folder.chmod(0o755)
    (folder / "tree").rename(folder / "old")
    tree_of_evil.parent.chmod(0o755)
    tree_of_evil.chmod(0o755)
    tree_of_evil.rename(folder / "tree")
    with pytest.raises(Refused, match="does not belong there"):
        store.open(wheel.sha256)


@pytest.mark.parametrize("content", [b"", b"other bytes"])
def test_a_changed_wheel_file_is_refused(tmp_path, wheel, content):
    store = Store(tmp_path)
    path = store.add(wheel).path.parent / "wheel" / wheel.filename
    writable(path)
    path.write_bytes(content)
    with pytest.raises(Refused, match="digest"):
        store.open(wheel.sha256)


def test_removing(tmp_path, wheel):
    store = Store(tmp_path)
    store.add(wheel)
    store.remove(wheel.sha256)
    store.remove(wheel.sha256)
    assert names(tmp_path / "store") == {".lock"}
    assert store.add(wheel).sha256 == wheel.sha256


def _add_repeatedly(home: str, data: bytes, filename: str) -> None:
    wheel = Wheel.read(data, filename)
    for _ in range(5):
        stored = Store(Path(home)).add(wheel)
        assert tree.differences(stored.path, wheel.entries) == []


def test_processes_that_add_at_once(tmp_path, wheel):
    context = multiprocessing.get_context("spawn")
    arguments = (str(tmp_path), wheel.data, wheel.filename)
    workers = [context.Process(target=_add_repeatedly, args=arguments) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert names(tmp_path / "store") == {".lock", wheel.sha256}


KILLED_AT = """
import os, signal, sys
from pathlib import Path
from theodore_loader.artifact.store import Store
from theodore_loader.artifact.wheel import Wheel

calls = 0
def count(event, arguments):
    global calls
    if event in ("open", "os.rename", "os.chmod", "os.mkdir"):
        calls += 1
        if calls == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

wheel = Wheel.read(Path(sys.argv[2]).read_bytes(), Path(sys.argv[2]).name)
sys.addaudithook(count)
Store(Path(sys.argv[1])).add(wheel)
"""


@pytest.mark.parametrize("moment", [1, 3, 6, 9, 13, 20, 26, 30])
def test_killed_half_way_nothing_half_is_found(tmp_path, kit, moment):
    small = Wheel.read(kit.bytes(), kit.filename)
    source = tmp_path / kit.filename
    source.write_bytes(small.data)
    home = tmp_path / "home"
    done = subprocess.run([sys.executable, "-c", KILLED_AT, home, source, str(moment)], check=False)
    assert done.returncode == -signal.SIGKILL
    store = Store(home)
    if (home / "store" / small.sha256).exists():
        assert store.open(small.sha256).wheel == small
    else:
        with pytest.raises(ConfigurationProblem):
            store.open(small.sha256)
    store.add(small)
    assert names(home / "store") == {".lock", small.sha256}


def test_a_full_disk_leaves_nothing(tmp_path, kit, wheel):
    import resource

    store = Store(tmp_path)
    large = Wheel.read(kit.bytes({"acme_hello/big.py": b"#" * 200_000}), kit.filename)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            store.add(large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, previous)
    assert names(tmp_path / "store") == {".lock"}
    assert store.add(large).sha256 == large.sha256
