"""A meter on processes of the test's own: what it reads, whom it holds back, what it leaves behind."""

from __future__ import annotations

import asyncio
import re
import resource
import signal
import sys
import time
from pathlib import Path

import pytest
from eventually import eventually

from theodore_loader.errors import LimitExceeded
from theodore_loader.supervise.meter import DiskLimit, Meter
from theodore_loader.supervise.meter.readings import parse_stat
from theodore_loader.supervise.meter.statement import Circumstances, enforcement, not_enforced
from theodore_sdk import PluginResourceLimits

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
SPIN = "while :; do :; done"


def meter(group, over=pytest.fail, *, may_fork=True, disk=None, folders=None, **limits) -> Meter:
    wanted = PluginResourceLimits(**{"max_cpu_percent": 400.0, **limits})
    return Meter(group, "demo", wanted, folders or {}, disk=disk or DiskLimit(), may_fork=may_fork, over=over)


async def test_usage_is_what_the_kernel_counts(group):
    one = meter(group(f"sleep 60 & {SPIN}"))
    one.busy(True)
    assert await eventually(lambda: one.usage().cpu_seconds > 0.1)
    usage = one.usage()
    assert usage.processes == 1
    assert usage.threads == 2
    assert 0 < usage.memory_bytes <= usage.peak_memory_bytes
    one.stop()


async def test_a_busy_group_is_held_back_children_and_all(group):
    leader = group(f"({SPIN}) & {SPIN}")
    one = meter(leader, max_cpu_percent=10.0)
    one.busy(True)
    assert await eventually(lambda: one.throttled and leader.state() == "T")
    assert await eventually(lambda: one.usage().throttled_seconds > 0.1)
    assert {signal.SIGSTOP} <= set(leader.signals) <= {signal.SIGSTOP, signal.SIGCONT}
    one.stop()
    assert await eventually(lambda: leader.state() != "T")


async def test_a_meter_that_stops_leaves_nothing_stopped(group):
    leader = group(SPIN)
    one = meter(leader, max_cpu_percent=1.0)
    assert await eventually(lambda: leader.state() == "T")
    one.stop()
    one.stop()
    assert await eventually(lambda: leader.state() == "R")
    assert leader.signals[-1] == signal.SIGCONT


async def test_who_is_eased_runs_and_pays_later(group):
    leader = group(SPIN)
    one = meter(leader, max_cpu_percent=1.0)
    assert await eventually(lambda: leader.state() == "T")
    one.ease(2.0)
    until = time.monotonic() + 0.4
    while time.monotonic() < until:
        assert leader.signals[-1] == signal.SIGCONT
        await asyncio.sleep(0.02)
    assert await eventually(lambda: leader.state() == "T")
    one.stop()


async def test_within_its_share_nobody_is_signalled(group):
    leader = group("sleep 60")
    one = meter(leader, max_cpu_percent=1.0)
    one.busy(True)
    await asyncio.sleep(0.4)
    assert leader.signals == []
    assert not one.throttled
    one.stop()


async def test_processor_time_of_children_nobody_waited_for_is_not_forgotten(group, tmp_path):
    """Processes that a parent ignores take their times with them; the sum must not fall, or the next ones are free."""
    word = tmp_path / "word"
    one = meter(group(f"(({SPIN}) & while [ ! -e {word} ]; do sleep 0.05; done; kill $!) & sleep 60"))
    one.busy(True)
    assert await eventually(lambda: one.usage().cpu_seconds > 0.2)
    most = one.usage().cpu_seconds
    word.touch()
    assert await eventually(lambda: one.usage().processes <= 1)
    assert one.usage().cpu_seconds >= most
    one.stop()


async def test_too_many_processes_are_the_end(group):
    reasons = []
    one = meter(group("for i in 1 2 3 4 5; do sleep 60 & done; wait"), reasons.append, max_subprocess_count=3)
    assert await eventually(lambda: reasons)
    one.stop()
    assert isinstance(reasons[0], LimitExceeded)
    assert reasons[0].limit == "max_subprocess_count"
    assert re.search("[45] processes at once, max_subprocess_count is 3", str(reasons[0]))  # it may look in between


async def test_memory_of_all_together_is_the_end(group):
    script = "import time; kept = b'x' * 40_000_000; time.sleep(60)"
    reasons = []
    leader = group(f'for i in 1 2 3; do {sys.executable} -S -c "{script}" & done; wait')
    one = meter(leader, reasons.append, max_memory_mb=64)
    one.busy(True)
    assert await eventually(lambda: reasons)
    one.stop()
    assert reasons[0].limit == "max_memory_mb"
    assert "max_memory_mb is 64" in str(reasons[0])


async def test_disk_is_the_end(group, tmp_path):
    reasons = []
    one = meter(group("sleep 60"), reasons.append, disk=DiskLimit(files=10), folders={"data": tmp_path})
    for number in range(20):
        (tmp_path / str(number)).touch()
    assert await eventually(lambda: reasons)
    one.stop()
    assert reasons[0].limit == "disk"
    assert "20 files, 10 are allowed" in str(reasons[0])


# a thread that an earlier test of this process left watching files may miss descriptors, too
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_host_without_descriptors_keeps_looking(group):
    """Nothing can be read for a while; nothing is forgotten by it, and the limits hold again afterwards."""
    leader = group(f"({SPIN}) & sleep 60")
    one = meter(leader, max_cpu_percent=10.0)
    assert await eventually(lambda: one.usage().cpu_seconds > 0)
    spent, soft_and_hard = one.usage().cpu_seconds, resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, soft_and_hard[1]))
    try:
        await asyncio.sleep(0.5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, soft_and_hard)
    assert one.usage().cpu_seconds >= spent
    assert await eventually(lambda: one.usage().throttled_seconds > 0)
    one.stop()


async def test_a_process_that_is_gone_reads_as_nothing(group):
    leader = group("exit 0")
    one = meter(leader)
    await asyncio.sleep(0.3)
    assert one.usage().processes == 0
    one.stop()


async def test_idle_is_looked_at_seldom_and_busy_often(group):
    one = meter(group("sleep 60"), may_fork=False)
    assert await eventually(lambda: one.usage().threads == 1)
    assert one._interval() == 1.0
    one.busy(True)
    assert one._interval() == 0.1
    one.busy(False)
    assert one._interval() == 1.0
    one.stop()


@pytest.mark.parametrize(
    "line",
    [b"", b"1 (sh) S", b"1 (sh) S 1 2 3", b"1 (a) b) c", b"\xff" * 500, b"1 (x) S " + b"x " * 50],
    ids=["empty", "short", "cut", "name", "garbage", "no-numbers"],
)
def test_a_line_that_is_no_stat_is_nothing(line):
    assert parse_stat(line) is None


def test_a_name_made_to_look_like_fields_is_a_name():
    stat = Path("/proc/self/stat").read_bytes()
    after = stat.rpartition(b")")[2]
    real = parse_stat(stat)
    assert parse_stat(b"1 (a) Z 1 1 1 1 1 1 1 1 1 1 99999 1 1)" + after) == real
    assert real is not None
    assert real.runs


LIMITS = PluginResourceLimits(max_memory_mb=100, max_cpu_percent=25.0, max_subprocess_count=3)


def said(at: Circumstances) -> tuple[dict[str, str], dict[str, str]]:
    """Return what holds and what does not, by limit."""
    held = (line.partition(": ") for line in enforcement(LIMITS, DiskLimit(), at))
    lacking = (line.partition(": ") for line in not_enforced(at))
    return {name: text for name, _, text in held}, {name: text for name, _, text in lacking}


def test_delegated_controllers_are_named():
    held, lacking = said(Circumstances(True, True, frozenset({"cpu", "memory", "pids"}), True, "linux"))
    assert "cpu.max" in held["max_cpu_percent"]
    assert "memory.max" in held["max_memory_mb"]
    assert "pids.max" in held["max_subprocess_count"]
    assert held["threads"] == "pids.max"
    assert set(lacking) == {"disk", "max_subprocess_count"}


def test_where_processes_are_hidden_nothing_is_claimed_that_needs_to_see_them():
    held, lacking = said(Circumstances(False, True, system="linux"))
    assert "max_cpu_percent" not in held
    assert "max_subprocess_count" not in held
    assert "for all" not in held["max_memory_mb"]
    assert "hides its processes" in lacking["max_cpu_percent"]
    assert "cannot see processes" in lacking["max_subprocess_count"]


@pytest.mark.parametrize(
    ("system", "holds"),
    [
        ("darwin", {"disk", "max_execution_time_seconds", "max_file_handles", "max_memory_mb", "threads"}),
        ("win32", {"max_execution_time_seconds"}),
    ],
)
def test_other_systems_claim_little_and_say_what_is_missing(system, holds):
    held, lacking = said(Circumstances(False, False, system=system))
    assert set(held) == holds | {"max_subprocess_count"}
    assert system in lacking["max_cpu_percent"]
    assert system in lacking["max_memory_mb"]
    assert ("max_file_handles" in lacking) == (system == "win32")
