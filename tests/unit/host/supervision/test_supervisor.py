"""What a host keeps when workers come and go."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from eventually import eventually

from theodore_loader.errors import (
    CallTimeout,
    ConfigurationProblem,
    PluginUnavailable,
    ProtocolViolation,
    Quarantined,
    Refused,
    WorkerCrashed,
)
from theodore_loader.supervise import access_log
from theodore_loader.supervise.settings import Recycling, Restarts, Supervision
from theodore_loader.supervise.status import EventKind, State


async def test_a_crash_fails_the_calls_in_flight_and_the_next_one_waits_for_a_new_worker(supervise):
    demo = await supervise()
    first = demo.supervisor.worker.pid
    asking = asyncio.create_task(demo.plugin.supports_javascript())
    working = asyncio.create_task(demo.do("sleep 30"))
    await asyncio.sleep(0.05)
    with pytest.raises(WorkerCrashed, match="status 3") as crash:
        await demo.do("exit 3")
    assert not crash.value.safe_to_repeat
    assert "before you repeat it" in str(crash.value.help)
    asked, worked = await asyncio.gather(asking, working, return_exceptions=True)
    assert (asked.safe_to_repeat, worked.safe_to_repeat) == (True, False)
    await demo.until(State.BACKOFF)
    waiting = asyncio.create_task(demo.do("pid"))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await demo.clock.advance(0.2)
    assert int(await waiting) == demo.supervisor.worker.pid != first
    status = demo.supervisor.status()
    assert (status.state, status.restarts, status.marks) == (State.READY, 1, ("unsigned",))
    assert "status 3" in status.last_error
    assert demo.kinds == [
        EventKind.STARTED,
        EventKind.READY,
        EventKind.CRASHED,
        EventKind.BACKOFF,
        EventKind.STARTED,
        EventKind.READY,
    ]


async def test_a_call_that_cannot_wait_long_enough_is_refused_at_once(supervise):
    demo = await supervise(Supervision(restarts=Restarts(first_seconds=25.0)))
    with pytest.raises(WorkerCrashed):
        await demo.do("exit")
    await demo.until(State.BACKOFF)
    with pytest.raises(PluginUnavailable, match=r"tried again in 25\.0 s") as refused:
        await demo.do("pid")
    assert refused.value.retry_after == 25.0
    assert demo.supervisor.status().retry_at is not None


async def test_a_call_waits_no_longer_than_its_deadline(supervise):
    demo = await supervise(max_execution_time_seconds=1.5)
    with pytest.raises(WorkerCrashed):
        await demo.do("exit")
    with pytest.raises(PluginUnavailable, match=r"none came within 1\.5 s"):
        await demo.do("pid")


async def crash(demo):
    """Crash the worker and return the pause that follows."""
    with pytest.raises(WorkerCrashed):
        await demo.do("exit")
    await demo.until(State.BACKOFF)
    return round(demo.supervisor._retry_at - demo.clock.now(), 3)


async def test_pauses_grow_and_are_first_ones_again_after_a_healthy_time(supervise):
    demo = await supervise(Supervision(ping_seconds=1000.0))
    pauses = []
    for _ in range(3):
        pauses.append(await crash(demo))
        await demo.clock.advance(pauses[-1])
        await demo.until(State.READY)
    assert pauses == [0.2, 0.4, 0.8]
    await demo.clock.advance(300.0)
    assert await crash(demo) == 0.2


async def test_the_breaker_opens_after_five_failures_and_one_probe_closes_or_opens_it(supervise):
    demo = await supervise()
    (demo.data / "broken").touch()
    with pytest.raises(WorkerCrashed):
        await demo.do("exit")
    waiting = asyncio.create_task(demo.do("pid"))
    for failures in range(1, 5):
        await demo.until_told(EventKind.BACKOFF, failures)
        await demo.clock.advance(2.0)
    await demo.until_told(EventKind.BACKOFF, 5)
    with pytest.raises(PluginUnavailable, match=r"crashed too often; it is tried again in \d\d\.\d s"):
        await waiting
    with pytest.raises(PluginUnavailable):
        await demo.do("pid")
    started = demo.kinds.count(EventKind.STARTED)
    await demo.clock.advance(59.0)
    assert demo.kinds.count(EventKind.STARTED) == started
    await demo.clock.advance(1.0)
    await demo.until_told(EventKind.BACKOFF, 6)
    assert demo.kinds.count(EventKind.STARTED) == started + 1
    assert demo.supervisor._policy.is_open
    (demo.data / "broken").unlink()
    await demo.clock.advance(60.0)
    await demo.until(State.READY)
    assert int(await demo.do("pid")) == demo.supervisor.worker.pid


async def test_what_no_honest_worker_sends_is_quarantined_until_released(supervise):
    demo = await supervise()
    with pytest.raises(ProtocolViolation):
        await demo.do("forge")
    await demo.until(State.QUARANTINED)
    await demo.clock.advance(10_000)
    assert demo.supervisor.state is State.QUARANTINED
    with pytest.raises(Quarantined, match=r"quarantined: a frame") as refused:
        await demo.do("pid")
    assert "host.release" in str(refused.value.help)
    await demo.supervisor.release()
    assert int(await demo.do("pid")) == demo.supervisor.worker.pid
    with pytest.raises(ConfigurationProblem, match="not quarantined"):
        await demo.supervisor.release()


async def test_death_by_seccomp_is_quarantined(supervise):
    demo = await supervise()
    os.kill(demo.supervisor.worker.pid, signal.SIGSYS)
    await demo.until(State.QUARANTINED)
    assert demo.kinds[-1] is EventKind.QUARANTINED


async def test_a_plugin_whose_acts_cannot_be_recorded_is_quarantined(supervise):
    demo = await supervise()
    demo.supervisor.access_log.close()
    acting = asyncio.gather(demo.do("secret"), demo.do("sleep 10"))
    with pytest.raises(WorkerCrashed, match="access log cannot be written"):
        await acting
    await demo.until(State.QUARANTINED)


async def test_what_is_revoked_in_the_meantime_is_not_started_again(supervise):
    demo = await supervise()

    def revoked():
        raise Refused("revoked", "revoked: it steals", help="use another version")

    demo.approve = revoked
    with pytest.raises(WorkerCrashed):
        await demo.do("exit")
    await demo.until(State.BACKOFF)
    await demo.clock.advance(1.0)
    await demo.until(State.REVOKED)
    with pytest.raises(Quarantined, match="it steals"):
        await demo.do("pid")
    with pytest.raises(Refused, match="it steals"):
        await demo.supervisor.release()
    assert demo.supervisor.state is State.REVOKED
    assert demo.supervisor.status().last_error == "revoked: it steals"
    demo.approve = lambda: None  # the revocation was withdrawn
    await demo.supervisor.release()
    assert await demo.do("now") == "1.0.0"


async def test_a_plugin_that_is_revoked_while_it_runs_ends_and_one_whose_time_ran_out_is_doubted(supervise):
    demo = await supervise(Supervision(recheck_seconds=60.0))
    found = []

    def refuse():
        raise found[-1]

    async def a_minute() -> None:
        for _ in range(13):
            await demo.look()

    demo.approve = refuse
    found.append(Refused("verdict-stale", "the verdict is too old"))
    await a_minute()
    await demo.until_told(EventKind.DOUBTED)
    assert "too old" in demo.events[-1].detail
    found.append(ConfigurationProblem("the trust file is damaged"))
    await a_minute()
    await demo.until_told(EventKind.DOUBTED, 2)
    assert await demo.do("now") == "1.0.0"
    running = asyncio.create_task(demo.do("sleep 15"))
    found.append(Refused("revoked", "revoked: it steals"))
    await a_minute()
    with pytest.raises(Refused, match="it steals"):
        await running
    assert demo.supervisor.state is State.REVOKED


async def test_a_list_that_changes_is_noticed_at_the_next_look_and_looked_into_once(supervise):
    demo = await supervise()
    asked = []
    demo.approve = lambda: asked.append(demo.grounds)
    for _ in range(3):
        await demo.look()
    assert not asked
    demo.grounds = "another list"
    async with asyncio.timeout(20):
        while not asked:  # a thread's work, which no look waits for
            await demo.look()
    for _ in range(3):
        await demo.look()
    assert asked == ["another list"]
    for warnings in (("yanked: it loses pages",), ("yanked: it loses pages", "warning: it is slow")):
        demo.approve, demo.grounds = lambda said=warnings: said, warnings
        await demo.clock.advance(5.0)
        await demo.until_told(EventKind.WARNED, len(warnings))
    assert [event.detail for event in demo.events[-2:]] == list(warnings)

    def refuse():
        raise Refused("revoked", "revoked: it steals")

    demo.approve, demo.grounds = refuse, "a third list"
    await demo.clock.advance(5.0)
    await demo.until(State.REVOKED)
    await demo.until_told(EventKind.REVOKED)
    assert "it steals" in demo.events[-1].detail
    assert demo.supervisor.status().pid is None
    with pytest.raises(Quarantined, match="it steals"):
        await demo.do("pid")


async def test_an_idle_worker_that_does_not_answer_is_replaced(supervise):
    demo = await supervise(Supervision(ping_seconds=0.2, most_missed=2))
    await demo.do("spin 15")
    await demo.until_told(EventKind.CRASHED, looking=0.2)
    assert "none of 2 pings" in demo.supervisor.status().last_error


async def test_a_busy_worker_has_until_its_calls_deadline(supervise):
    demo = await supervise(Supervision(ping_seconds=0.1, most_missed=1))
    await demo.do("spin 2")
    held = asyncio.create_task(demo.do("sleep 0.01"))
    for _ in range(3):
        await demo.look(0.1)
    assert await held == "1.0.0"
    assert EventKind.CRASHED not in demo.kinds


async def test_a_worker_that_stopped_itself_dies_by_the_deadline_and_is_replaced(supervise):
    demo = await supervise(max_execution_time_seconds=1.5)
    await demo.do("stop")
    assert await eventually(lambda: _state(demo.supervisor.worker.pid) == "T")
    with pytest.raises(CallTimeout, match="killed"):
        await demo.do("pid")
    await demo.until(State.BACKOFF)
    await demo.clock.advance(1.0)
    await demo.until(State.READY)


async def test_a_health_check_that_keeps_failing_ends_an_idle_worker(supervise):
    demo = await supervise(Supervision(health_seconds=10.0, most_missed=2))
    await demo.do("sicken")
    await demo.until_told(EventKind.CRASHED, looking=5.0)
    assert "health_check failed 2 times in a row" in demo.supervisor.status().last_error
    assert "not today" in demo.supervisor.status().last_error


async def test_a_healthy_plugin_is_asked_only_now_and_then(supervise):
    demo = await supervise(Supervision(health_seconds=60.0))
    for _ in range(25):
        await demo.look()
    assert (demo.data / "asked").read_text() == "xx"
    assert demo.supervisor.status().health == "fine"


@pytest.mark.parametrize(
    "recycling", [Recycling(calls=2), Recycling(hours=0.001), Recycling(memory_mb=1)], ids=["calls", "hours", "memory"]
)
async def test_a_worker_is_recycled_as_the_operator_asks(supervise, recycling):
    demo = await supervise(Supervision(recycling=recycling))
    first = int(await demo.do("pid"))
    await demo.do("sleep 0")
    await demo.until_told(EventKind.RECYCLED, looking=5.0)
    assert int(await demo.do("pid")) != first
    assert demo.supervisor.restarts == 0


async def test_exchanging_loses_no_call_under_load(supervise):
    demo = await supervise()
    answers, stop = [], asyncio.Event()

    async def load():
        while not stop.is_set():
            answers.append(await demo.do("sleep 0.005"))

    async def heard():
        await eventually(lambda: demo.supervisor.info.version in answers)

    callers = [asyncio.create_task(load()) for _ in range(8)]
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        await heard()
        await demo.supervisor.swap(demo.edition(version))
    await heard()
    stop.set()
    await asyncio.gather(*callers)
    assert set(answers) == {"1.0.0", "1.1.0", "1.2.0", "1.3.0"}
    assert answers == sorted(answers) or len(answers) > 50
    assert demo.supervisor.info.version == "1.3.0"
    assert demo.kinds.count(EventKind.RELOADED) == 3
    assert EventKind.CRASHED not in demo.kinds


async def test_the_old_worker_finishes_its_calls_and_cleans_up(supervise):
    demo = await supervise()
    old = asyncio.create_task(demo.do("await go"))
    await asyncio.sleep(0.05)
    await demo.supervisor.swap(demo.edition("1.1.0"))
    assert demo.supervisor.status().draining == 1
    assert demo.supervisor.status().in_flight == 1
    assert await demo.do("now") == "1.1.0"
    (demo.data / "go").touch()
    assert await old == "1.0.0"
    async with asyncio.timeout(30):
        while demo.supervisor.status().draining:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (demo.data / "cleaned").read_text() == "1.0.0"


async def test_an_exchange_ends_no_call_however_short_a_drain_is_and_closing_does(supervise, monkeypatch):
    monkeypatch.setattr("theodore_loader.supervise.supervisor.CLOSE_SECONDS", 0.3)
    demo = await supervise(Supervision(drain_seconds=0.1))
    short, long = asyncio.create_task(demo.do("sleep 0.5")), asyncio.create_task(demo.do("sleep 15"))
    await asyncio.sleep(0.05)
    await demo.supervisor.swap(demo.edition("1.1.0"))
    assert await short == "1.0.0"
    assert demo.supervisor.status().draining == 1
    async with asyncio.timeout(30):
        await demo.supervisor.close()
    with pytest.raises(WorkerCrashed, match="was stopped"):
        await long
    assert not list(demo.home.glob("tmp/host-*/*"))


async def test_a_new_version_that_fails_leaves_the_old_one_in_place(supervise):
    demo = await supervise()
    before = demo.supervisor.worker.pid
    with pytest.raises(WorkerCrashed, match="not healthy: cannot reach it"):
        await demo.supervisor.swap(demo.edition("sick"))
    (demo.data / "broken").touch()
    with pytest.raises(WorkerCrashed, match="status 7"):
        await demo.supervisor.swap(demo.edition("1.1.0"))
    assert await demo.do("now") == "1.0.0"
    assert demo.supervisor.worker.pid == before
    assert demo.supervisor.info.version == "1.0.0"
    assert demo.kinds.count(EventKind.KEPT) == 2
    assert len(list(demo.home.glob("tmp/host-*/*"))) == 1


async def test_a_new_version_ends_a_crash_loop_and_a_quarantine(supervise):
    demo = await supervise()
    os.kill(demo.supervisor.worker.pid, signal.SIGSYS)
    await demo.until(State.QUARANTINED)
    await demo.supervisor.swap(demo.edition("1.1.0"))
    assert await demo.do("now") == "1.1.0"
    await crash(demo)
    await demo.supervisor.swap(demo.edition("1.2.0"))
    await demo.clock.advance(100.0)
    await asyncio.sleep(0.05)
    assert await demo.do("now") == "1.2.0"
    assert demo.supervisor.restarts == 0


async def test_closing_lets_calls_finish_and_refuses_new_ones(supervise):
    demo = await supervise()
    running = asyncio.create_task(demo.do("sleep 0.3"))
    await asyncio.sleep(0.05)
    closing = asyncio.create_task(demo.supervisor.close())
    await asyncio.sleep(0.05)
    with pytest.raises(PluginUnavailable, match="draining"):
        await demo.do("now")
    await asyncio.gather(closing, demo.supervisor.close())
    assert await running == "1.0.0"
    assert (demo.data / "cleaned").exists()
    assert demo.kinds[-1] is EventKind.STOPPED
    with pytest.raises(PluginUnavailable, match="stopped"):
        await demo.do("now")


async def test_closing_waits_no_longer_than_it_may(supervise):
    demo = await supervise(Supervision(drain_seconds=0.1))
    running = asyncio.create_task(demo.do("sleep 15"))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(30):
        await demo.supervisor.close()
    with pytest.raises(WorkerCrashed, match=r"1 calls did not end within 0\.1 s"):
        await running
    assert (demo.data / "cleaned").exists()


async def test_a_cancelled_close_kills(supervise):
    demo = await supervise()
    pid = demo.supervisor.worker.pid
    running = asyncio.create_task(demo.do("sleep 15"))
    await asyncio.sleep(0.05)
    closing = asyncio.create_task(demo.supervisor.close())
    await asyncio.sleep(0.05)
    closing.cancel()
    assert isinstance((await asyncio.gather(closing, return_exceptions=True))[0], asyncio.CancelledError)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert demo.supervisor.state is State.STOPPED
    assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], WorkerCrashed)


async def test_closing_ends_a_worker_that_is_just_starting(supervise):
    demo = await supervise()
    swapping = asyncio.create_task(demo.supervisor.swap(demo.edition("1.1.0")))
    await demo.until_told(EventKind.STARTED, 2)
    await demo.supervisor.close()
    with pytest.raises(PluginUnavailable):
        await swapping
    assert not list(demo.home.glob("tmp/host-*/*"))


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_the_death_of_the_zygote_is_a_crash_of_its_workers_and_no_more(supervise):
    demo = await supervise()
    first = demo.supervisor.worker.pid
    parent = _parent(first)
    if parent == os.getpid():
        pytest.skip("this machine has no zygote")
    os.kill(parent, signal.SIGKILL)
    await demo.until(State.BACKOFF)
    await demo.clock.advance(1.0)
    assert int(await demo.do("pid")) == demo.supervisor.worker.pid != first


async def test_each_worker_has_an_empty_folder_that_goes_with_it(supervise):
    demo = await supervise()
    await demo.do("litter")
    first = (demo.data / "tmp").read_text()
    await crash(demo)
    await demo.clock.advance(1.0)
    await demo.until(State.READY)
    (second,) = demo.home.glob("tmp/host-*/*")
    assert str(second) != first
    assert list(second.iterdir()) == []


async def test_the_access_log_goes_on_over_crashes_and_exchanges(supervise):
    demo = await supervise()
    await demo.do("secret")
    await crash(demo)
    await demo.clock.advance(1.0)
    await demo.until(State.READY)
    await demo.do("secret")
    old = asyncio.create_task(asyncio.sleep(0))
    await demo.supervisor.swap(demo.edition("1.1.0"))
    await demo.do("secret")
    await old
    await demo.supervisor.close()
    path = demo.supervisor.access_log.path
    records = [record for record in access_log.read(path) if record["resource"] == "/etc/passwd"]
    assert len({record["worker"] for record in records}) == 3
    assert access_log.broken_at(path) is None
    assert [*path.parent.glob("*.jsonl")] == [path]


async def test_a_listener_that_fails_hurts_nobody(supervise, caplog):
    demo = await supervise(started=False)

    def fail(_):
        raise ValueError("no")

    demo.supervisor._life._on_event = fail
    await demo.supervisor.start()
    assert await demo.do("now") == "1.0.0"
    assert "listener" in caplog.text


async def test_a_worker_nobody_looks_after_any_more_is_ended(supervise, monkeypatch):
    demo = await supervise()

    def fail(*_):
        raise ValueError("a defect")

    monkeypatch.setattr("theodore_loader.supervise.recycling.due", fail)
    await demo.clock.advance(5.0)
    await demo.until(State.BACKOFF)
    assert "its supervision failed: ValueError('a defect')" in demo.supervisor.status().last_error


@pytest.mark.parametrize("wrong", [{"ping_seconds": 0}, {"drain_seconds": -1.0}, {"most_missed": 0}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ConfigurationProblem, match=next(iter(wrong))):
        Supervision(**wrong)
