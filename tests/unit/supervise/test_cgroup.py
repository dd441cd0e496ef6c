"""Control groups: the rules on a tree of plain files made to behave like one, the mechanism on the real one.

Real controllers need a delegated tree, which most machines that run tests have not: what is written for them is tested
on the plain tree, that the kernel then obeys is not. Joining, freezing, counting and killing need no controller.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest
from eventually import eventually

from theodore_loader.supervise.meter import DiskLimit, Meter, cgroup, choice, delegation
from theodore_loader.supervise.meter.group import GroupedProcesses
from theodore_loader.supervise.meter.readings import start_time
from theodore_sdk import PluginResourceLimits

LIMITS = PluginResourceLimits(max_memory_mb=100, max_cpu_percent=25.0, max_subprocess_count=2)
SPIN = "while :; do :; done"


class Plain(cgroup.Hierarchy):
    """A tree of plain files with the rules of cgroup v2 that a host meets."""

    def __init__(self, root: Path, offered: str = "cpu memory pids hugetlb", *, delegated: bool, managed: bool) -> None:
        self.root, self.delegated, self.managed = root, delegated, managed
        self.written: list[tuple[str, str]] = []
        root.mkdir()
        self._fill(root, offered)

    def _fill(self, path: Path, offered: str) -> None:
        (path / "cgroup.controllers").write_text(offered)
        for name in ("cgroup.subtree_control", "cgroup.procs", "cgroup.kill", "cgroup.freeze"):
            (path / name).write_text("")

    def make(self, path: Path) -> None:
        path.mkdir()
        self._fill(path, (path.parent / "cgroup.subtree_control").read_text())

    def remove(self, path: Path) -> None:
        if (path / "cgroup.procs").read_text().split() or any(at.is_dir() for at in path.iterdir()):
            raise OSError(16, "busy")
        shutil.rmtree(path)

    def write(self, path: Path, value: str) -> None:
        if not path.parent.is_dir():
            raise FileNotFoundError(path)
        self.written.append((str(path.relative_to(self.root)), value))
        if path.name == "cgroup.subtree_control":
            if (path.parent / "cgroup.procs").read_text().split():
                raise OSError(16, "busy")  # the no internal process constraint
            path.write_text(f"{path.read_text()} {value.removeprefix('+')}".strip())
            for offer in path.parent.glob("*/cgroup.controllers"):
                offer.write_text(path.read_text())
        elif path.name == "cgroup.procs":
            self._leave(value)
            path.write_text(f"{path.read_text()}{value}\n")
        elif path.name == "cgroup.kill":
            (path.parent / "cgroup.procs").write_text("")
        else:
            path.write_text(value)

    def _leave(self, pid: str) -> None:
        for procs in self.root.rglob("cgroup.procs"):
            left = [at for at in procs.read_text().split() if at != pid]
            procs.write_text("".join(f"{at}\n" for at in left))

    def is_delegated(self, path: Path) -> bool:
        return self.delegated and path == self.root

    def is_managed(self) -> bool:
        return self.managed


def found(plain: Plain) -> cgroup.Subtree | None:
    return delegation.find(plain, delegation.candidates(plain, plain.root, None), plain.root)


def test_a_delegated_group_gives_every_controller(tmp_path):
    plain = Plain(tmp_path / "own", delegated=True, managed=True)
    subtree = found(plain)
    assert subtree is not None
    assert subtree.controllers == {"cpu", "memory", "pids"}
    group = subtree.worker(4321, LIMITS)
    settings = {file.name: file.read_text() for file in group.path.iterdir()}
    assert settings["memory.max"] == str(164 * 1024 * 1024)
    assert settings["memory.swap.max"] == "0"
    assert settings["cpu.max"] == "25000 100000"
    assert settings["pids.max"] == str(512 + 64)
    assert settings["cgroup.procs"] == "4321\n"
    order = [name.rpartition("/")[2] for name, _ in plain.written if "/worker-1/" in name]
    assert order[-1] == "cgroup.procs"  # limits hold before anything is in it
    group.end()
    subtree.close()
    assert not any(at.is_dir() for at in plain.root.iterdir())


def test_this_process_makes_room_where_it_is_in_the_way(tmp_path):
    plain = Plain(tmp_path / "own", delegated=True, managed=True)
    (plain.root / "cgroup.procs").write_text("11\n12\n")
    subtree = found(plain)
    assert subtree is not None
    assert subtree.controllers == {"cpu", "memory", "pids"}
    assert (subtree.path / "host" / "cgroup.procs").read_text().split() == ["11", "12"]
    assert (plain.root / "cgroup.procs").read_text() == ""


def test_what_was_not_delegated_is_left_alone_where_somebody_manages_it(tmp_path):
    plain = Plain(tmp_path / "own", delegated=False, managed=True)
    assert found(plain) is None
    assert plain.written == []


def test_where_nobody_manages_the_tree_groups_are_made_and_controllers_left_as_they_are(tmp_path):
    plain = Plain(tmp_path / "own", delegated=False, managed=False)
    (plain.root / "cgroup.procs").write_text("11\n")
    subtree = found(plain)
    assert subtree is not None
    assert subtree.controllers == frozenset()
    group = subtree.worker(4321, LIMITS)
    assert not (group.path / "memory.max").exists()
    assert (plain.root / "cgroup.procs").read_text() == "11\n"


def test_the_operator_names_the_place(tmp_path):
    plain = Plain(tmp_path / "own", delegated=False, managed=True)
    assert list(delegation.candidates(plain, plain.root, "/elsewhere")) == [Path("/elsewhere")]
    subtree = delegation.find(plain, delegation.candidates(plain, None, str(plain.root)))
    assert subtree is not None
    assert subtree.path.parent == plain.root
    assert delegation.find(plain, [tmp_path / "not-there"]) is None


def test_a_mark_says_that_a_group_was_handed_over(tmp_path, monkeypatch):
    """Under systemd nothing else does: it manages groups that belong to an ordinary user, too."""
    marked, plain = tmp_path / "marked", tmp_path / "plain"
    for path in (marked, plain):
        path.mkdir()
        (path / "cgroup.procs").write_text("")
    try:
        os.setxattr(marked, "user.delegate", b"1")
    except OSError:
        pytest.skip("this file system keeps no attributes")
    for systemd in (tmp_path, tmp_path / "not-there"):
        monkeypatch.setattr(cgroup, "_SYSTEMD", systemd)
        assert cgroup.Hierarchy().is_delegated(marked)
        owned = os.geteuid() != 0 and not systemd.exists()
        assert cgroup.Hierarchy().is_delegated(plain) is owned
    assert not cgroup.Hierarchy().is_delegated(tmp_path / "nowhere")


def test_a_group_that_cannot_be_joined_is_removed_again(tmp_path):
    plain = Plain(tmp_path / "own", delegated=True, managed=True)
    subtree = found(plain)
    assert subtree is not None

    def gone(path: Path, value: str) -> None:
        if path.name == "cgroup.procs":
            raise ProcessLookupError(3, "no such process")
        Plain.write(plain, path, value)

    plain.write = gone  # type: ignore[method-assign]
    with pytest.raises(ProcessLookupError):
        subtree.worker(4321, LIMITS)
    assert list(subtree.path.glob("worker-*")) == []


def test_the_end_of_the_host_ends_what_is_left_and_the_end_of_its_fork_does_not(tmp_path):
    plain = Plain(tmp_path / "own", delegated=True, managed=True)
    subtree = found(plain)
    assert subtree is not None
    group = subtree.worker(4321, LIMITS)
    subtree._maker += 1
    subtree.close()
    assert (group.path / "cgroup.procs").read_text() == "4321\n"
    subtree._maker -= 1
    subtree.close()
    assert not subtree.path.exists()


def test_leftovers_of_the_dead_are_cleared_and_the_living_are_not(tmp_path):
    plain = Plain(tmp_path / "own", delegated=True, managed=True)
    here = os.stat("/proc/self/ns/pid").st_ino
    ours = f"theodore-plugin.{here}.{os.getpid()}.{start_time(os.getpid())}"
    dead = f"theodore-plugin.{here}.{os.getpid()}.1"  # the same number, another process
    elsewhere = f"theodore-plugin.{here + 1}.{os.getpid()}.1"  # a number of another container
    for name in (ours, dead, elsewhere, "theodore-plugin.x", "other.1.2.3"):
        plain.make(plain.root / name)
        plain.make(plain.root / name / "worker-1")
        (plain.root / name / "worker-1" / "cgroup.procs").write_text("99\n")
    delegation.clear(plain, plain.root)
    left = {at.name for at in plain.root.iterdir() if at.is_dir()}
    assert left == {ours, elsewhere, "theodore-plugin.x", "other.1.2.3"}
    assert [name for name, _ in plain.written] == [f"{dead}/worker-1/cgroup.kill"]


def test_moved_out_processes_of_a_dead_host_are_not_killed(tmp_path):
    plain = Plain(tmp_path / "own", delegated=True, managed=True)
    dead = plain.root / f"theodore-plugin.{os.stat('/proc/self/ns/pid').st_ino}.{os.getpid()}.1"
    plain.make(dead)
    plain.make(dead / "host")
    (dead / "host" / "cgroup.procs").write_text("99\n")
    delegation.clear(plain, plain.root)
    assert (dead / "host" / "cgroup.procs").read_text() == "99\n"


@pytest.mark.parametrize(
    ("mountinfo", "text", "own"),
    [
        ("41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "0::/a/b.scope", "/sys/fs/cgroup/a/b.scope"),
        ("41 31 0:38 /docker/x /sys/fs/cgroup ro - cgroup2 c rw", "1:cpu:/a\n0::/docker/x/y", "/sys/fs/cgroup/y"),
        ("41 31 0:38 / /with\\040space rw - cgroup2 c rw", "0::/", "/with space"),
        ("41 31 0:38 /docker/x /sys/fs/cgroup rw - cgroup2 c rw", "0::/../../elsewhere", None),
        ("41 31 0:38 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu", "1:cpu:/", None),
        ("", "", None),
        ("garbage - cgroup2", "0::/", None),
    ],
    ids=["whole", "container", "escaped", "outside", "first-version", "nothing", "garbage"],
)  # fmt: skip
def test_where_this_process_is(mountinfo, text, own):
    assert delegation.own_group(mountinfo, text) == (None if own is None else Path(own))


# the real one


@pytest.fixture
def subtree():
    found = choice.subtree(os.getpid())
    if found is None:
        pytest.skip("no control group may be made here")
    return found


def joined(pid: int) -> str:
    (place,) = (line for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::"))
    return place


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_children_nobody_waits_for_are_counted_and_frozen_and_killed(subtree, group, tmp_path):
    word = tmp_path / "word"
    wait = f"while [ ! -e {word} ]; do sleep 0.05; done"
    leader = group(f"{wait}; (({SPIN}) & sleep 0.3; kill $!) & ({SPIN}) & wait; sleep 60")
    held = subtree.worker(leader.pid, LIMITS)
    word.touch()
    assert await eventually(lambda: held.cpu_seconds() > 0.5)
    held.freeze(True)
    events = held.path / "cgroup.events"
    assert await eventually(lambda: "frozen 1" in events.read_text())
    spent = held.cpu_seconds()
    await asyncio.sleep(0.1)
    assert held.cpu_seconds() - spent < 0.05
    assert state(leader.pid) != "T"  # unlike a stopped process, a frozen one shows it to nobody
    held.end()
    assert await eventually(lambda: state(leader.pid) == "Z")
    assert await eventually(subtree.sweep)
    assert not held.path.exists()


async def test_a_meter_freezes_what_spends_too_much_and_thaws_it(subtree, group):
    leader = group(f"sleep 0.2; ({SPIN}) & {SPIN}")
    held = subtree.worker(leader.pid, LIMITS)
    grouped = GroupedProcesses(leader, held, may_fork=True)
    limits = PluginResourceLimits(max_cpu_percent=10.0)
    meter = Meter(leader, "demo", limits, {}, disk=DiskLimit(), may_fork=True, over=pytest.fail, group=grouped)
    assert any("freezer" in line for line in meter.enforcement()) != ("cpu" in held.controllers)
    assert await eventually(lambda: meter.usage().throttled_seconds > 0)
    assert not set(leader.signals) & {signal.SIGSTOP, signal.SIGCONT}
    assert meter.usage().cpu_seconds > 0.3
    meter.stop()
    assert await eventually(lambda: state(leader.pid) == "Z")
    assert await eventually(subtree.sweep)


@pytest.mark.kernel
async def test_a_worker_that_may_start_programs_is_in_a_group_that_goes_with_it(subtree, start):
    running = await start("return say('here')", grants=("subprocess true",))
    pid = running.worker.pid
    place = joined(pid)
    assert f"theodore-plugin.{os.stat('/proc/self/ns/pid').st_ino}.{os.getpid()}." in place
    assert await running.scrape() == "here"
    await running.worker.kill()
    assert await eventually(subtree.sweep)
    assert list(subtree.path.glob("worker-*")) == []
