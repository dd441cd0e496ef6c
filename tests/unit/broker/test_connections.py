"""What the host keeps of connections it has handed over: counted, bounded, ended, and nothing left behind."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys

import pytest

from theodore_loader.broker import connections as held
from theodore_loader.broker import race
from theodore_loader.broker.addresses import interleaved, may_be_reached
from theodore_loader.broker.connections import Connections
from theodore_loader.broker.dial import Broker
from theodore_loader.broker.limits import NetworkLimits, bounds_for
from theodore_loader.broker.race import connect_at_once, first_connection
from theodore_loader.broker.wire import Abandon, Dial, decode_dialled, encode
from theodore_loader.permissions import Permission

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="connections are watched the Linux way")


class Worker:
    """The other end of a broker: dials without asking back."""

    def __init__(self, *grants, limits=None, per_minute=1000):
        ours, self.sock = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.setblocking(False)
        self.decisions, self.violations = [], []
        self.broker = Broker(
            ours,
            [Permission.from_text(f"network {grant}") for grant in grants],
            per_minute=per_minute,
            record=self.decisions.append,
            violation=self.violations.append,
            limits=limits,
        )

    async def dial(self, host, port, number=1, seconds=5.0):
        self.sock.send(encode(Dial(number, host, port, seconds, "plugin.py:1")))
        for _ in range(12_000):
            await asyncio.sleep(0.005)
            try:
                data, descriptors, _, _ = socket.recv_fds(self.sock, 4096, 4)
            except BlockingIOError:
                continue
            answer = decode_dialled(data)
            if not descriptors:
                return answer
            connection = socket.socket(fileno=descriptors[0])
            connection.setblocking(False)
            return connection
        raise TimeoutError

    def endings(self):
        return [decision for decision in self.decisions if decision.permission == "network:end"]


@pytest.fixture
async def worker():
    made, others = [], Connections._held

    def make(*grants, **options):
        made.append(Worker(*grants, **options))
        return made[-1]

    yield make
    for one in made:
        one.broker.close()
        one.sock.close()
    await asyncio.sleep(0)
    assert Connections._held <= others


@pytest.fixture
async def port():
    """A server that sends back what it gets until there is no more."""

    async def serve(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def end(connection):
    """What a worker's shim does."""
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


async def talk_until_it_ends(connection):
    loop = asyncio.get_running_loop()
    while True:
        await loop.sock_sendall(connection, b"x" * 65536)
        if not await loop.sock_recv(connection, 65536):
            raise EOFError


async def settled(condition):
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


async def test_the_end_of_a_connection_is_recorded_with_what_it_carried(worker, port):
    one = worker(f"127.0.0.1:{port}")
    connection = await one.dial("127.0.0.1", port)
    assert one.broker.usage().open == 1
    await asyncio.get_running_loop().sock_sendall(connection, b"x" * 100_000)
    received = 0
    while received < 100_000:
        received += len(await asyncio.get_running_loop().sock_recv(connection, 65536))
    end(connection)
    await settled(one.endings)
    (ending,) = one.endings()
    assert ending.numbers["bytes_in"] == 100_000
    assert 100_000 <= ending.numbers["bytes_out"] <= 100_001
    assert (ending.resource, ending.location, ending.detail) == (f"127.0.0.1:{port}", "plugin.py:1", "closed")
    usage = one.broker.usage()
    assert (usage.connections, usage.open, usage.bytes_in) == (1, 0, 100_000)


async def test_connections_that_come_and_go_leave_no_descriptor(worker, port):
    one = worker(f"127.0.0.1:{port}")
    end(await one.dial("127.0.0.1", port))
    await settled(one.endings)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(2, 40):
        end(await one.dial("127.0.0.1", port, number))
    await settled(lambda: len(one.endings()) == 39)
    await settled(lambda: len(os.listdir("/proc/self/fd")) <= before)


async def test_a_plugin_that_dials_and_never_closes_is_bounded(worker, port):
    one = worker(f"127.0.0.1:{port}", limits=NetworkLimits(connections=5))
    before = len(os.listdir("/proc/self/fd"))
    kept = [await one.dial("127.0.0.1", port, number) for number in range(1, 6)]
    refused = await one.dial("127.0.0.1", port, 6)
    assert (refused.outcome, refused.limit) == ("limited", "connections")
    for connection in kept:
        connection.close()  # without a shutdown: no honest worker does that
    assert (await one.dial("127.0.0.1", port, 7)).outcome == "limited"
    assert len(os.listdir("/proc/self/fd")) <= before + 12
    one.broker.close()
    await settled(lambda: len(os.listdir("/proc/self/fd")) <= before)


async def test_all_plugins_together_leave_the_host_descriptors(worker, port, monkeypatch):
    share = Connections._held + 3
    monkeypatch.setattr(held, "host_share", lambda: share)
    one, other = worker(f"127.0.0.1:{port}"), worker(f"127.0.0.1:{port}")
    kept = [await one.dial("127.0.0.1", port, number) for number in (1, 2, 3)]
    assert (await other.dial("127.0.0.1", port)).outcome == "limited"
    end(kept.pop())
    await settled(one.endings)
    kept.append(await other.dial("127.0.0.1", port, 2))
    for connection in kept:
        end(connection)


@pytest.mark.parametrize("bound", ["bytes_in_per_minute", "bytes_out_per_minute"])
async def test_a_plugin_over_its_bytes_is_cut_off_and_told_so(worker, port, bound):
    one = worker(f"127.0.0.1:{port}", limits=NetworkLimits(**{bound: 50_000}))
    connection = await one.dial("127.0.0.1", port)
    with pytest.raises((ConnectionError, EOFError)):
        await talk_until_it_ends(connection)
    connection.close()
    assert bound in one.endings()[0].detail
    refused = await one.dial("127.0.0.1", port, 2)
    assert (refused.outcome, refused.limit) == ("limited", bound)


async def test_where_connections_cannot_be_watched_none_is_kept(worker, port, monkeypatch):
    monkeypatch.setattr(held, "CAN_WATCH", False)
    one = worker(f"127.0.0.1:{port}")
    connection = await one.dial("127.0.0.1", port)
    assert (one.broker.usage().connections, one.broker.usage().open) == (1, 0)
    connection.close()


async def test_a_host_out_of_descriptors_says_so_and_goes_on(worker, port, monkeypatch):
    one = worker(f"127.0.0.1:{port}", f"localhost:{port}")

    def full(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(race, "_stream", full)
        for number, host in ((1, "127.0.0.1"), (2, "localhost")):
            answer = await one.dial(host, port, number)
            assert (answer.outcome, answer.errno) == ("failed", errno.EMFILE)
    with monkeypatch.context() as patch:
        patch.setattr(Connections, "_watched", full)
        unwatched = await one.dial("127.0.0.1", port, 3)
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(unwatched, 10), 30) == b""
        unwatched.close()
    end(await one.dial("127.0.0.1", port, 4))
    assert not one.violations


async def test_a_resolver_that_answers_nonsense_is_an_answer(worker, monkeypatch):
    nonsense = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("not an address", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: nonsense)
    answer = await worker("api.example.com:80").dial("api.example.com", 80)
    assert (answer.outcome, answer.errno) == ("failed", errno.EIO)


async def test_an_idle_connection_is_ended(worker, port):
    one = worker(f"127.0.0.1:{port}", limits=NetworkLimits(idle_seconds=0.2))
    connection = await one.dial("127.0.0.1", port)
    assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(connection, 10), 30) == b""
    connection.close()
    assert "idle" in one.endings()[0].detail


async def test_a_withdrawn_grant_ends_its_connections_and_no_others(worker, port):
    one = worker(f"127.0.0.1:{port}", f"localhost:{port}")
    withdrawn, kept = await one.dial("127.0.0.1", port), await one.dial("localhost", port, 2)
    one.broker.set_grants([Permission.from_text(f"network localhost:{port}")])
    loop = asyncio.get_running_loop()
    assert await asyncio.wait_for(loop.sock_recv(withdrawn, 10), 30) == b""
    await loop.sock_sendall(kept, b"still here")
    assert await asyncio.wait_for(loop.sock_recv(kept, 10), 30) == b"still here"
    assert (await one.dial("127.0.0.1", port, 3)).outcome == "denied"
    withdrawn.close()
    end(kept)


async def test_the_end_of_a_worker_ends_its_connections(worker, port):
    one = worker(f"127.0.0.1:{port}")
    connection = await one.dial("127.0.0.1", port)
    one.sock.close()
    assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(connection, 10), 30) == b""
    connection.close()
    assert [ending.detail for ending in one.endings()] == ["the worker has ended"]


async def test_an_abandoned_dial_is_not_finished(worker, monkeypatch):
    async def never(*_):
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
    one = worker("localhost:9")
    one.sock.send(encode(Dial(1, "localhost", 9, 30.0)))
    await settled(lambda: one.broker._open)
    one.sock.send(encode(Abandon(1)))
    await settled(lambda: not one.broker._open)
    one.sock.send(encode(Abandon(99)))
    await asyncio.sleep(0.05)
    assert not one.violations


async def test_a_dial_under_a_number_in_use_is_a_violation(worker, monkeypatch):
    async def never(*_):
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
    one = worker("localhost:9")
    for _ in range(2):
        one.sock.send(encode(Dial(1, "localhost", 9, 30.0)))
    await settled(lambda: one.violations)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 0.0])
async def test_an_impossible_deadline_does_not_reach_the_event_loops_clock(worker, port, seconds):
    connection = await worker(f"localhost:{port}").dial("localhost", port, seconds=seconds)
    end(connection)


async def test_an_address_that_does_not_answer_does_not_delay_the_next_for_long(port, monkeypatch):
    loop = asyncio.get_running_loop()
    real, tried = loop.sock_connect, []

    async def connect(sock, address):
        tried.append(address[0])
        if address[0] == "127.0.0.2":
            await asyncio.sleep(60)
        await real(sock, address)

    monkeypatch.setattr(loop, "sock_connect", connect)
    found = [(socket.AF_INET, ("127.0.0.2", port)), (socket.AF_INET, ("127.0.0.1", port))]
    async with asyncio.timeout(30):
        with await first_connection(found) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)
    assert tried == ["127.0.0.2", "127.0.0.1"]


async def test_few_addresses_are_waited_for_at_a_time(monkeypatch):
    now, most = 0, 0

    async def never(*_):
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            await asyncio.sleep(60)
        finally:
            now -= 1

    monkeypatch.setattr(race, "STAGGER_SECONDS", 0.01)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await first_connection([(socket.AF_INET, (f"127.0.0.{n}", 9)) for n in range(1, 9)])
    assert (now, most) == (0, 3)


async def test_the_last_reason_is_told_when_no_address_answers():
    refusing = [(socket.AF_INET, ("127.0.0.1", 1)), (socket.AF_INET, ("127.0.0.2", 1))]
    with pytest.raises(ConnectionRefusedError):
        await first_connection(refusing)
    with pytest.raises(OSError, match="no address"):
        await first_connection([])
    assert connect_at_once(refusing[0]) is None


def test_families_alternate_and_a_huge_answer_is_cut():
    four = [(socket.AF_INET, (f"192.0.2.{n}", 1)) for n in range(200)]
    six = [(socket.AF_INET6, (f"2001:db8::{n}", 1, 0, 0)) for n in range(200)]
    assert interleaved([*six[:2], *four[:1]]) == [six[0], four[0], six[1]]
    assert interleaved(four[:3]) == four[:3]
    assert len(interleaved([*four, *six])) == 8
    assert interleaved([]) == []


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("EXAMPLE.com.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("Bu\N{COMBINING DIAERESIS}cher.example", "xn--bcher-kva.example"),
    ],
)
async def test_one_name_in_any_spelling_meets_the_grant(worker, monkeypatch, spelling, canonical):
    asked = []

    def look_up(host, port, **_):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for grant in (canonical, spelling):
        assert (await worker(f"{grant}:80").dial(spelling, 80)).outcome == "unresolved"
    assert asked == [canonical, canonical]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        *("\N{FULLWIDTH DIGIT ONE}27.0.0.1", "example\N{IDEOGRAPHIC FULL STOP}com"),
        *("\N{CIRCLED LATIN SMALL LETTER E}xample.com", "fa\N{LATIN SMALL LETTER SHARP S}.example", "example..com"),
    ],
)
async def test_look_alikes_are_not_the_granted_host(worker, port, host):
    granted = ("example.com:{0}", "fass.example:{0}", "xn--fa-hia.example:{0}")
    one = worker(*(grant.format(port) for grant in granted))
    assert (await one.dial(host, port)).outcome == "denied"


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "10.0.0.1"]
)
def test_metadata_services_are_reached_by_address_only(address):
    by_name = [Permission.from_text("network metadata.example:80"), Permission.from_text("network *")]
    assert not may_be_reached("metadata.example", 80, address, by_name)
    shown = f"[{address}]" if ":" in address else address
    assert may_be_reached("metadata.example", 80, address, [Permission.from_text(f"network {shown}:80")])


def test_a_policys_bounds_are_the_hosts_own_unless_that_was_given_lower_ones():
    said = {"connections": 200, "idle_seconds": 5.0}
    assert bounds_for(None, {}) == NetworkLimits()
    assert bounds_for(None, said) == NetworkLimits(connections=200, idle_seconds=5.0)
    given = NetworkLimits(connections=3, idle_seconds=60.0, bytes_in_per_minute=7)
    assert bounds_for(given, said) == NetworkLimits(connections=3, idle_seconds=5.0, bytes_in_per_minute=7)
    assert bounds_for(given, {}) == given
