import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from theodore_plugin.scanners.leftovers import PREFIX, remove_leftovers, working_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
WORK = (
    "import sys, time; from theodore_plugin.scanners.leftovers import working_folder\n"
    "with working_folder() as folder: print(folder, flush=True); time.sleep(60)"
)


@pytest.fixture(autouse=True)
def own_tmp(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def grow_old(folder):
    long_ago = time.time() - 3600
    os.utime(folder, (long_ago, long_ago))


@pytest.fixture
def other():
    process = subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE, text=True)
    with process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_a_folder_is_gone_after_work_that_ended(own_tmp):
    with working_folder() as folder:
        assert folder.parent == own_tmp
        assert folder.stat().st_mode & 0o077 == 0
    assert list(own_tmp.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(other):
    process, folder = other
    process.send_signal(signal.SIGKILL)
    process.wait()
    grow_old(folder)
    remove_leftovers()
    assert not folder.exists()


def test_a_folder_somebody_works_in_stays(other):
    _, folder = other
    grow_old(folder)
    remove_leftovers()
    assert folder.exists()


def test_a_young_folder_stays_because_it_may_be_about_to_be_locked(own_tmp):
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    remove_leftovers()
    assert folder.exists()
    grow_old(folder)
    remove_leftovers()
    assert not folder.exists()


def test_links_and_others_folders_are_not_touched(own_tmp):
    target = own_tmp / "precious"
    target.mkdir()
    (own_tmp / f"{PREFIX}link").symlink_to(target)
    (own_tmp / "something-else").mkdir()
    for folder in (target, own_tmp / "something-else"):
        grow_old(folder)
    remove_leftovers()
    assert target.is_dir()
    assert (own_tmp / "something-else").is_dir()
