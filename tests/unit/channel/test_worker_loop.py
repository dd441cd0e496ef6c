"""A worker's event loop: the channel is read where it is found readable, and everything else still has its turn."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import threading

import pytest

from theodore_loader.channel.eager import start_now
from theodore_loader.worker.loop import WorkerLoop

SECONDS = 20.0
WHO = contextvars.ContextVar("who", default="nobody")


@pytest.fixture
def run():
    """Run a coroutine on a worker's loop."""
    with asyncio.Runner(loop_factory=WorkerLoop) as runner:
        yield lambda work: runner.run(asyncio.wait_for(work, SECONDS))


@pytest.fixture
def flooded():
    """A connected socket from which nobody takes what is there, so that it stays readable."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        yield ours


def serve(end, read):
    """Have the running loop read ``end`` first."""
    loop = asyncio.get_running_loop()
    loop.add_reader(end, read)
    loop.serve(end.fileno(), read)


def test_a_channel_that_is_always_readable_starves_no_timer(run, flooded):
    async def work():
        reads = []
        serve(flooded, lambda: reads.append(1))
        await asyncio.sleep(0.02)
        return len(reads)

    assert run(work()) > 0


def test_a_channel_that_is_always_readable_starves_no_other_descriptor(run, flooded):
    async def work():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            heard = asyncio.get_running_loop().create_future()
            serve(flooded, lambda: None)
            asyncio.get_running_loop().add_reader(ours, lambda: heard.done() or heard.set_result(ours.recv(9)))
            theirs.send(b"hello")
            try:
                return await heard
            finally:
                asyncio.get_running_loop().remove_reader(ours)

    assert run(work()) == b"hello"


def test_a_channel_that_is_always_readable_starves_no_thread(run, flooded):
    async def work():
        loop, heard = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        serve(flooded, lambda: None)
        threading.Thread(target=loop.call_soon_threadsafe, args=(heard.set_result, "a thread")).start()
        return await heard

    assert run(work()) == "a thread"


def test_a_channel_that_is_always_readable_starves_nothing_that_reading_starts(run, flooded):
    async def work():
        loop, heard = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        serve(flooded, lambda: loop.call_soon(lambda: heard.done() or heard.set_result("called")))
        return await heard

    assert run(work()) == "called"


def test_a_reader_that_raises_is_reported_and_called_again(run, flooded):
    async def work():
        loop, again, reported = asyncio.get_running_loop(), asyncio.get_running_loop().create_future(), []
        loop.set_exception_handler(lambda _loop, context: reported.append(context["exception"]))

        def read():
            if reported:
                loop.remove_reader(flooded)
                loop.call_soon(again.set_result, None)
            else:
                raise RuntimeError("broken")

        serve(flooded, read)
        await again
        return reported

    assert [str(problem) for problem in run(work())] == ["broken"]


def test_a_task_started_from_the_reader_runs_at_once_as_itself_and_in_its_own_context(run, flooded):
    async def work():
        loop, seen = asyncio.get_running_loop(), []

        async def call():
            seen.append(asyncio.current_task())
            WHO.set("the call")
            await asyncio.sleep(0)
            return WHO.get()

        def read():
            loop.remove_reader(flooded)
            task = start_now(loop, call(), "call-1")
            seen.append((task, len(seen), WHO.get(), asyncio.current_task()))
            started.set_result(task)

        started = loop.create_future()
        serve(flooded, read)
        said = await (await started)
        return seen, said

    (current, (task, steps, outside, nobody)), said = run(work())
    assert current is task
    assert task.get_name() == "call-1"
    assert (steps, outside, nobody, said) == (1, "nobody", None, "the call")
