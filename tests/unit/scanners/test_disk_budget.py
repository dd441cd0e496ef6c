"""What a tool writes is bounded in all, and it never gets the last of the disk."""

import threading
import time
from pathlib import Path

import pytest

from theodore_loader.sandbox.profile import MIB
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners import disk_budget
from theodore_plugin.scanners.disk_budget import MAX_BYTES, MAX_FILES, DiskBudget
from theodore_plugin.scanners.hermetic import clean_tree, run_tool


@pytest.fixture
def budget(tmp_path):
    return DiskBudget(tmp_path, threading.Event())


def test_what_fits_is_no_reason_to_end(budget, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(1000))
    budget.measure()
    assert (budget.is_set(), budget.exceeded) == (False, "")


def test_many_files_below_the_bound_each_are_too_much_together(budget, tmp_path, monkeypatch):
    monkeypatch.setattr(disk_budget, "MAX_BYTES", 100_000)
    for number in range(5):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "data").write_bytes(bytes(30_000))
    budget.measure()
    assert budget.is_set()
    assert budget.exceeded.startswith("wrote more than")


def test_empty_files_are_counted(budget, tmp_path, monkeypatch):
    monkeypatch.setattr(disk_budget, "MAX_FILES", 10)
    for number in range(11):
        (tmp_path / f"{number}").touch()
    budget.measure()
    assert budget.exceeded == "wrote more than 10 files"


def test_holes_count_as_what_they_pretend_to_be(budget, tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    budget.measure()
    assert "MiB" in budget.exceeded


def test_links_are_not_followed(budget, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path)
    budget.measure()
    assert budget.exceeded == ""


def test_the_end_of_the_check_ends_the_tool_and_is_not_its_fault(tmp_path):
    stop = threading.Event()
    budget = DiskBudget(tmp_path, stop)
    stop.set()
    assert (budget.is_set(), budget.exceeded) == (True, "")


def test_a_nearly_full_disk_ends_the_tool(budget):
    budget._floor = 1 << 62
    time.sleep(0.25)
    assert budget.is_set()
    assert budget.exceeded == "was ended because the disk is nearly full"


def test_a_folder_that_disappears_is_no_crash(tmp_path):
    (tmp_path / "gone").mkdir()
    budget = DiskBudget(tmp_path / "gone", threading.Event())
    (tmp_path / "gone").rmdir()
    budget.measure()
    assert budget.exceeded == ""


@pytest.mark.parametrize("code", ["import os; os.mkdir('d'); [open('d/%d' % n, 'w').close() for n in range(20_000)]"])
def test_a_tool_that_was_quick_is_measured_at_its_end(write_project, code):
    assert MAX_FILES < 20_000
    with clean_tree(PluginProject.open(write_project({"demo.py": ""}))) as tree:
        run = run_tool("timeit", ["-n1", "-r1", code], tree=tree, timeout=60.0)
    assert not run.finished(0)
    assert run.exceeded == f"wrote more than {MAX_FILES} files"


HOARDER = """
import os, time
held = []
while True:
    held.append(open("x", "wb"))
    os.unlink("x")
    held[-1].write(bytes(1 << 24))
    held[-1].flush()
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not show what is held open")
def test_what_a_tool_deleted_and_still_holds_open_counts(write_project):
    with clean_tree(PluginProject.open(write_project({"demo.py": ""}))) as tree:
        run = run_tool("timeit", ["-n1", "-r1", HOARDER], tree=tree, timeout=60.0)
    assert run.exceeded == f"wrote more than {MAX_BYTES // MIB} MiB"
