"""Folders of workers, of this host and of those that are gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from theodore_loader.supervise.temporary import TemporaryFolders

_HOLD = """
import sys, time
from pathlib import Path
from theodore_loader.supervise.temporary import TemporaryFolders
print(TemporaryFolders(Path(sys.argv[1])).fresh("demo"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_host(tmp_path):
    """Start a process that holds a folder; return it and the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    folder = Path(process.stdout.readline().strip())
    (folder / "kept").touch()
    yield process, folder
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_what_a_killed_host_left_is_removed_and_what_a_living_one_has_is_not(tmp_path, other_host):
    process, folder = other_host
    first = TemporaryFolders(tmp_path)
    own = first.fresh("demo")
    assert folder.exists()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    second = TemporaryFolders(tmp_path)
    beside = second.fresh("demo")
    assert not folder.parent.exists()
    assert own.exists()
    assert own.parent != beside.parent
    first.close()
    second.close()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_closing_twice_and_beginning_anew_are_fine(tmp_path):
    folders = TemporaryFolders(tmp_path)
    folders.close()
    first = folders.fresh("demo")
    assert first.stat().st_mode & 0o777 == 0o700
    folders.close()
    folders.close()
    assert not first.exists()
    assert folders.fresh("demo").exists()
    folders.close()


def test_what_is_not_a_hosts_is_left_alone(tmp_path):
    (tmp_path / "tmp").mkdir(mode=0o700)
    (tmp_path / "tmp" / "notes").mkdir()
    (tmp_path / "tmp" / "host-link").symlink_to(tmp_path)
    folders = TemporaryFolders(tmp_path)
    folders.fresh("demo")
    folders.close()
    assert (tmp_path / "tmp" / "notes").exists()
    assert tmp_path.exists()


def test_many_hosts_beginning_at_once_take_nothing_from_each_other(tmp_path):
    hosts = [TemporaryFolders(tmp_path) for _ in range(16)]
    found: list[Path] = []
    threads = [threading.Thread(target=lambda host=host: found.append(host.fresh("demo"))) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert all(folder.is_dir() for folder in found)
    for host in hosts:
        host.close()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_no_descriptor_stays(tmp_path):
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    TemporaryFolders(tmp_path).close()
    before = count()
    for _ in range(20):
        folders = TemporaryFolders(tmp_path)
        folders.fresh("demo")
        folders.close()
    assert count() == before
