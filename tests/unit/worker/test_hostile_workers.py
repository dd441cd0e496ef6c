"""Workers that attack the host's end of the channel, flood it, or die."""

from __future__ import annotations

import asyncio

import pytest

from theodore_loader.errors import ProtocolViolation, WorkerCrashed

# The plugin finds the channel's descriptor the way an attacker would: by looking for stream sockets among its own.
WRITE = """
import socket, stat
from theodore_loader.channel.frames import frame
def channel_fd():
    for fd in range(3, 40):
        try:
            sock = socket.socket(fileno=os.dup(fd))
        except OSError:
            continue
        with sock:
            if sock.family == socket.AF_UNIX and sock.type == socket.SOCK_STREAM and sock.getpeername() == "":
                try:
                    peer = sock.getsockopt(socket.SOL_SOCKET, 17, 12)
                except OSError:
                    continue
                if int.from_bytes(peer[:4], "little") != os.getpid():
                    return fd
def attack(data):
    os.set_blocking(channel_fd(), True)
    os.write(channel_fd(), data)
"""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("b'\\xff\\xff\\xff\\xff' + b'x' * 100", "a frame of 4294967295 bytes was announced"),
        ("frame(b'garbage')", "not a frame of protocol"),
        ("frame(b'')", "not a frame of protocol"),
        ("frame(b'\\x91' * 100_000)", "not a frame of protocol"),
        ("frame(b'\\x91\\xa5hello')", "not a frame of protocol"),
        ("frame(b'\\x93\\xa6result\\xcd\\x03\\xe7\\xc0')", "an answer to call 999, which is not in flight"),
        ("frame(b'\\x94\\xa6result\\x01\\xc0\\xc0')", "not a frame of protocol"),
        ("frame(b'\\x92\\xa4pong\\x01')", "pong 1 without a ping"),
        ("frame(b'\\x93\\xa6loaded\\xcb' + bytes(8) + b'\\x90')", "unexpected Loaded"),
        ("frame(b'\\x94\\xa3log\\x14\\xa1x\\xa2\\xff\\xfe')", "not a frame of protocol"),
        ("frame(b'\\x93\\xa6result\\x01\\xdd\\xff\\xff\\xff\\xff')", "not a frame of protocol"),
    ],
    ids=[
        "length-lie",
        "garbage",
        "empty",
        "deep",
        "host-frame",
        "unknown-id",
        "surplus",
        "pong",
        "loaded",
        "utf8",
        "count",
    ],
)
async def test_what_no_honest_worker_sends_ends_it(start, data, message):
    running = await start(WRITE + f"attack({data})\nawait asyncio.sleep(30)")
    with pytest.raises(ProtocolViolation, match=message):
        await running.scrape()
    await asyncio.wait([running.worker._harness.process.done], timeout=60)
    assert running.worker._harness.process.done.done()


async def test_a_second_answer_ends_the_worker(start):
    running = await start(
        WRITE
        + """
import msgspec
answer = frame(msgspec.msgpack.encode(["error", 3, "raised", "T", "m", "", None, None]))
attack(answer + answer)
await asyncio.sleep(30)
"""
    )
    with pytest.raises(Exception, match=r"T: m|not in flight"):
        await running.scrape()
    with pytest.raises(ProtocolViolation, match="not in flight"):
        await running.scrape()


async def test_a_promised_frame_that_never_comes_costs_one_deadline(start):
    running = await start(
        WRITE + "attack((1000).to_bytes(4, 'big') + b'x')\nawait asyncio.sleep(30)",
    )
    async with asyncio.timeout(20):
        with pytest.raises(Exception, match=r"deadline|did not answer|not a frame"):
            await running.scrape(seconds=0.5)


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("os._exit(7)", "ended with status 7"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import socket; os.closerange(3, 40); await asyncio.sleep(30)", "closed its channel|stopped|ended"),
    ],
)
async def test_a_worker_that_dies_fails_its_calls_and_nothing_else(start, body, how):
    doomed = await start(f"await asyncio.sleep(0.2)\n{body}")
    healthy = await start("await asyncio.sleep(0.5); return say('alive')", source=None)
    calls = [asyncio.create_task(doomed.scrape()) for _ in range(3)]
    survivor = asyncio.create_task(healthy.scrape())
    for call in calls:
        with pytest.raises(WorkerCrashed, match=how):
            await call
    assert await survivor == "alive"
    with pytest.raises(WorkerCrashed):
        await doomed.scrape()


async def test_the_last_words_of_a_crash_are_reported(start):
    running = await start("print('out of cheese', file=sys.stderr); await asyncio.sleep(0.1); os._exit(1)")
    with pytest.raises(WorkerCrashed, match="out of cheese"):
        await running.scrape()


async def test_garbage_on_the_standard_streams_is_only_text(start):
    running = await start("os.write(1, bytes(range(256)) * 64); os.write(2, b'\\x00' * 70000); return say('fine')")
    assert await running.scrape() == "fine"


async def test_a_flood_of_output_is_bounded_and_slowed_down(start):
    running = await start(
        """
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            os.write(1, b"spam\\n" * 2000)
        return say("done")
        """
    )
    assert await running.scrape() == "done"
    assert len(running.logs) < 2000
    assert running.worker._recorder.stdout.dropped > 1000


async def test_a_flood_of_log_records_is_bounded(start):
    running = await start(
        """
        for number in range(5000):
            self.container.logger.warning("spam %d", number)
        return say("done")
        """
    )
    assert await running.scrape() == "done"
    assert len(running.logs) < 1500
    assert running.worker._channel.dropped_noise > 1000


async def test_a_worker_that_does_not_read_is_not_buffered_for(start):
    running = await start("time.sleep(600)")
    calls = [asyncio.create_task(running.scrape("x" * 900_000, seconds=1.0)) for _ in range(40)]
    done, _ = await asyncio.wait(calls, timeout=60)
    assert len(done) == 40
    assert all(isinstance(call.exception(), Exception) for call in done)


async def test_a_closed_host_end_ends_the_worker(start):
    running = await start("return say('')")
    running.worker._channel._link.close()
    await asyncio.wait_for(running.worker._harness.process.done, 30)
