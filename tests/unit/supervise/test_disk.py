"""Counting what folders hold, in trees made to hurt whoever counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from theodore_loader.errors import LimitExceeded
from theodore_loader.supervise import own_state
from theodore_loader.supervise.meter import DiskLimit, refuse_full
from theodore_loader.supervise.meter.disk import Allowance, DiskWatch, Walk


def held(folder: Path, **limits: int):
    walk = Walk({"data": folder}, DiskLimit(**limits))
    while not walk.step(10.0):
        pass
    return walk.held


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_blocks_and_names_are_counted(data):
    (data / "inner").mkdir()
    (data / "inner" / "file").write_bytes(b"x" * 100_000)
    found = held(data)
    assert (found.files, found.depth) == (2, 1)
    assert 100_000 <= found.bytes < 130_000


def test_a_hole_takes_nothing(data):
    with (data / "sparse").open("wb") as file:
        file.truncate(10**12)
    assert held(data).bytes < 100_000


def test_a_second_name_for_a_file_takes_nothing_more(data):
    (data / "one").write_bytes(b"x" * 100_000)
    for number in range(5):
        os.link(data / "one", data / f"again{number}")
    found = held(data)
    assert found.files == 6
    assert found.bytes < 130_000


def test_links_to_elsewhere_are_not_followed(data, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "big").write_bytes(b"x" * 1_000_000)
    (data / "folder").symlink_to(outside)
    (data / "file").symlink_to(outside / "big")
    (data / "loop").symlink_to(data)
    found = held(data)
    assert found.files == 3
    assert found.bytes < 100_000


def test_a_folder_that_becomes_a_link_while_it_is_walked_is_not_entered(data, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "big").write_bytes(b"x" * 1_000_000)
    for number in range(3):
        (data / f"folder{number}").mkdir()
    walk = Walk({"data": data}, DiskLimit())
    assert next(walk._entries)
    for number in range(3):
        (data / f"folder{number}").rmdir()
        (data / f"folder{number}").symlink_to(outside)
    while not walk.step():
        pass
    assert walk.held.bytes < 100_000


def test_a_deep_tree_ends_the_walk(data):
    """A path longer than the system's, as a plugin makes it with descriptors."""
    at = os.open(data, os.O_RDONLY)
    for _ in range(700):
        os.mkdir("folder", dir_fd=at)
        inner = os.open("folder", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    before = open_descriptors()
    assert held(data, depth=64).over(DiskLimit()) == "folders nested deeper than 64"
    assert open_descriptors() == before
    own_state.discard(data)


def test_a_tree_with_too_many_names_ends_the_walk_at_once(data):
    for number in range(3_000):
        os.mknod(data / str(number))
    found = held(data, files=500)
    assert 500 < found.files < 700
    assert "files, 500 are allowed" in found.over(DiskLimit(files=500))


def test_a_walk_of_many_names_takes_many_short_steps(data):
    for number in range(3_000):
        os.mknod(data / str(number))
    walk = Walk({"data": data}, DiskLimit())
    moments = iter(range(10_000))
    steps = 1
    while not walk.step(3, lambda: next(moments)):  # a clock that goes on by one at each look
        steps += 1
    assert walk.held.files == 3_000
    assert steps > 10


def test_what_is_not_there_holds_nothing(tmp_path):
    assert held(tmp_path / "nowhere").files == 0
    (tmp_path / "file").write_text("not a folder")
    assert held(tmp_path / "file").files == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_a_name(data):
    (data / "closed").mkdir(mode=0)
    assert held(data).files == 1
    (data / "closed").chmod(0o700)


def test_the_watch_rests_between_walks_and_sees_what_grows(data):
    watch = DiskWatch({"data": data}, DiskLimit(bytes=200_000), Allowance())
    assert watch.look(1.0) == ""
    (data / "file").write_bytes(b"x" * 300_000)
    assert watch.look(1.01) == ""
    assert "are allowed" in watch.look(100.0)
    assert watch.held.bytes >= 300_000
    (data / "file").unlink()
    assert watch.look(300.0) == ""
    watch.close()


def test_all_watches_together_get_a_share_of_the_time():
    allowance, steps = Allowance(share=0.05, burst_seconds=0.02), 0
    for tenth in range(1_000):
        for _ in range(30):
            if allowance.is_left(tenth / 10):
                allowance.spend(0.002)
                steps += 1
    assert 0.9 * 0.05 * 100 < steps * 0.002 <= 0.05 * 100 + 0.022


def test_a_watch_waits_for_the_allowance(data):
    (data / "file").touch()
    allowance = Allowance()
    watch = DiskWatch({"data": data}, DiskLimit(), allowance)
    allowance.spend(1.0)
    watch.look(1.0)
    assert watch.held.files == 0
    watch.look(30.0)
    assert watch.held.files == 1


def test_an_abandoned_walk_leaves_no_descriptor(data):
    for number in range(500):
        os.mknod(data / str(number))
    before = open_descriptors()
    walk = Walk({"data": data}, DiskLimit())
    assert next(walk._entries)
    assert open_descriptors() > before
    walk.close()
    assert open_descriptors() == before


async def test_a_full_plugin_is_refused_with_the_remedy(data):
    (data / "file").write_bytes(b"x" * 3_000_000)
    with pytest.raises(LimitExceeded, match=r"demo is not started: .* MiB on disk, 1 MiB are allowed") as caught:
        await refuse_full("demo", {"data": data}, DiskLimit(bytes=1024 * 1024))
    assert caught.value.limit == "disk"
    assert str(data) in caught.value.help
    (data / "file").unlink()
    await refuse_full("demo", {"data": data}, DiskLimit(bytes=1024 * 1024))
