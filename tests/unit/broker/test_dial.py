"""The broker against real sockets, asked by something that is no honest worker."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

import msgspec
import pytest

from theodore_loader.broker.dial import Broker, Decision
from theodore_loader.broker.wire import Dial, Dialled, decode_dialled, encode
from theodore_loader.errors import ProtocolViolation
from theodore_loader.permissions import Permission


@dataclass
class Asker:
    """The worker's end of a broker, and what the broker told its host."""

    sock: socket.socket
    broker: Broker
    decisions: list[Decision] = field(default_factory=list)
    violations: list[ProtocolViolation] = field(default_factory=list)

    async def ask(self, host: str, port: int, number: int = 1) -> tuple[Dialled, list[int]]:
        self.sock.send(encode(Dial(number, host, port, 5.0)))
        return await self.answer()

    async def answer(self) -> tuple[Dialled, list[int]]:
        loop = asyncio.get_running_loop()
        self.sock.setblocking(False)
        async with asyncio.timeout(30):
            while True:
                try:
                    data, descriptors, _, _ = socket.recv_fds(self.sock, 4096, 4)
                except BlockingIOError:
                    readable = loop.create_future()
                    loop.add_reader(self.sock, readable.set_result, None)
                    try:
                        await readable
                    finally:
                        loop.remove_reader(self.sock)
                else:
                    return decode_dialled(data), descriptors


@pytest.fixture
async def asker_with():
    made = []

    def make(*grants, per_minute=100):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        decisions, violations = [], []
        broker = Broker(
            ours,
            [Permission.from_text(f"network {grant}") for grant in grants],
            per_minute=per_minute,
            record=decisions.append,
            violation=violations.append,
        )
        made.append(Asker(theirs, broker, decisions, violations))
        return made[-1]

    yield make
    for asker in made:
        asker.broker.close()
        asker.sock.close()
    await asyncio.sleep(0)


@pytest.fixture
async def port():
    async def serve(reader, writer):
        writer.write(b"hello")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def resolves(monkeypatch):
    """Give names addresses of our choice: the machine's resolver is outside of what is tested."""

    def install(**names):
        calls = []

        def getaddrinfo(host, port, **_):
            calls.append(host)
            addresses = names.get(host.replace(".", "_").replace("-", "_"))
            if addresses is None:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, 1, 6, "", (ip, port)) for ip in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return calls

    return install


async def test_a_granted_connection_is_handed_over(asker_with, port):
    asker = asker_with(f"127.0.0.1:{port}")
    answer, (descriptor,) = await asker.ask("127.0.0.1", port)
    assert answer.outcome == "connected"
    with socket.socket(fileno=descriptor) as connection:
        connection.settimeout(30)
        assert connection.getpeername() == ("127.0.0.1", port)
        assert await asyncio.to_thread(connection.recv, 10) == b"hello"
    assert asker.decisions == [Decision(f"127.0.0.1:{port}", True, "connected to 127.0.0.1")]


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1 ",
        "127.0.0.1\n",
        "127.0.0.1\0.example.com",
        "user@127.0.0.1",
        "127.0.0.1/..",
        "[127.0.0.1]",
        "::ffff:127.0.0.2",
        "::1%lo",
        "*",
        "",
        "a" * 300,
        "http://127.0.0.1",
    ],
)
async def test_other_spellings_are_other_hosts(asker_with, port, host):
    asker = asker_with(f"127.0.0.1:{port}")
    answer, descriptors = await asker.ask(host, port)
    assert (answer.outcome, descriptors) == ("denied", [])
    assert [decision.granted for decision in asker.decisions] == [False]


@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1"])
async def test_one_address_has_one_meaning(asker_with, port, host):
    answer, descriptors = await asker_with(f"127.0.0.1:{port}").ask(host, port)
    assert answer.outcome == "connected"
    os.close(descriptors[0])


@pytest.mark.parametrize(("host", "offset"), [("127.0.0.1", 1), ("127.0.0.2", 0), ("localhost", 0)])
async def test_what_is_not_granted_is_denied(asker_with, port, host, offset):
    answer, _ = await asker_with(f"127.0.0.1:{port}").ask(host, port + offset)
    assert answer.outcome == "denied"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.5",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::",
        "192.0.2.1",
        "255.255.255.255",
    ],
)
@pytest.mark.parametrize("grant", ["api.example.com:{port}", "*:{port}", "*.example.com:{port}"])
async def test_a_granted_name_does_not_grant_the_private_address_it_points_at(
    asker_with, port, resolves, address, grant
):
    resolves(api_example_com=[address])
    asker = asker_with(grant.format(port=port))
    answer, descriptors = await asker.ask("api.example.com", port)
    assert (answer.outcome, descriptors) == ("denied", [])
    assert "not a public address" in answer.message


async def test_a_name_and_its_private_address_both_granted_connect(asker_with, port, resolves):
    calls = resolves(wiki_internal=["10.99.0.1", "127.0.0.1"])
    asker = asker_with(f"wiki.internal:{port}", f"127.0.0.1:{port}")
    answer, descriptors = await asker.ask("WIKI.internal.", port)
    assert answer.outcome == "connected"
    os.close(descriptors[0])
    assert calls == ["wiki.internal"]


async def test_the_name_is_resolved_once(asker_with, port, resolves):
    calls = resolves(localhost=["127.0.0.1"])
    answer, descriptors = await asker_with(f"localhost:{port}").ask("localhost", port)
    assert answer.outcome == "connected"
    os.close(descriptors[0])
    assert calls == ["localhost"]


async def test_localhost_pointing_elsewhere_is_refused(asker_with, port, resolves):
    resolves(localhost=["10.0.0.1"])
    answer, _ = await asker_with(f"localhost:{port}").ask("localhost", port)
    assert answer.outcome == "denied"


async def test_a_name_that_does_not_resolve_says_so(asker_with, resolves):
    resolves()
    answer, _ = await asker_with("nowhere.example.com:443").ask("nowhere.example.com", 443)
    assert (answer.outcome, answer.errno) == ("unresolved", socket.EAI_NONAME)


async def test_a_refused_connection_keeps_its_errno(asker_with):
    answer, _ = await asker_with("127.0.0.1:1").ask("127.0.0.1", 1)
    assert (answer.outcome, answer.errno) == ("failed", 111)


async def test_the_minute_counts_connections_and_not_refusals(asker_with, port):
    asker = asker_with(f"127.0.0.1:{port}", per_minute=2)
    for _ in range(5):
        await asker.ask("127.0.0.2", port)
    outcomes = []
    for _ in range(3):
        answer, descriptors = await asker.ask("127.0.0.1", port)
        outcomes.append(answer.outcome)
        for descriptor in descriptors:
            os.close(descriptor)
    assert outcomes == ["connected", "connected", "limited"]


async def test_a_connection_that_hangs_ends_in_a_timeout(asker_with, monkeypatch):
    async def never(*_):
        await asyncio.sleep(60)

    asker = asker_with("127.0.0.1:9")
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
    asker.sock.send(encode(Dial(1, "127.0.0.1", 9, 0.1)))
    answer, _ = await asker.answer()
    assert answer.outcome == "timeout"


@pytest.mark.parametrize(
    "packet",
    [
        b"garbage",
        b"\x91" * 4000,
        msgspec.msgpack.encode([1, "h", 80, None, None, "more"]),
        msgspec.msgpack.encode([0, "h", 80, None]),
        msgspec.msgpack.encode([1, "h", 70000, None]),
        msgspec.msgpack.encode([1, 5, 80, None]),
        b"\x94\x01\xa1\xff\x50\xc0",
    ],
)
async def test_malformed_packets_are_violations(asker_with, packet):
    asker = asker_with("*")
    asker.sock.send(packet)
    await asyncio.sleep(0.05)
    assert len(asker.violations) == 1


async def test_descriptors_from_a_worker_are_not_accepted(asker_with, port):
    asker = asker_with(f"127.0.0.1:{port}")
    before = len(os.listdir("/proc/self/fd"))
    with open(os.devnull) as gift:  # noqa: ASYNC230 - /dev/null does not block
        rights = struct.pack("i", gift.fileno())
        packet = encode(Dial(1, "127.0.0.2", port, None))
        asker.sock.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    await asker.answer()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_dials_wait_their_turn_and_too_many_waiting_are_limited(asker_with, monkeypatch):
    made = 0

    async def never(*_):
        nonlocal made
        made += 1
        await asyncio.sleep(60)

    asker = asker_with("localhost:9", per_minute=1000)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
    for number in range(1, 258):
        asker.sock.send(encode(Dial(number, "localhost", 9, 30.0)))
        await asyncio.sleep(0)
    answer, _ = await asker.answer()
    assert (answer.id, answer.outcome, answer.limit) == (257, "limited", "connections")
    assert made <= 16


async def test_a_worker_that_does_not_read_answers_is_a_violation(asker_with):
    asker = asker_with()
    asker.sock.setblocking(False)
    for number in range(1, 3000):
        if asker.violations:
            break
        try:
            asker.sock.send(encode(Dial(number, "127.0.0.1" * 50, 9, None)))
        except BlockingIOError:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
    assert asker.violations


async def test_a_closed_worker_end_closes_the_broker(asker_with):
    asker = asker_with()
    asker.sock.close()
    await asyncio.sleep(0.05)
    assert asker.broker._sock.fileno() == -1


@pytest.mark.parametrize(
    "address",
    ["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2002:a00:1::1", "::7f00:1", "64:ff9b:1::1", "fec0::1"],
)
async def test_a_private_address_inside_a_translated_one_is_private(asker_with, resolves, address):
    resolves(public_example=[address])
    answer, descriptors = await asker_with("public.example:80").ask("public.example", 80)
    assert (answer.outcome, descriptors) == ("denied", [])
    assert "not a public address" in answer.message


async def test_a_translated_public_address_is_public(asker_with, resolves, monkeypatch):
    async def refuse(_sock, address):
        raise ConnectionRefusedError(111, address[0])

    resolves(public_example=["64:ff9b::808:808"])
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", refuse)
    answer, _ = await asker_with("public.example:80").ask("public.example", 80)
    assert answer.outcome == "failed"


async def test_a_name_server_that_does_not_answer_does_not_hold_the_hosts_threads(asker_with, monkeypatch):
    answered = threading.Event()

    def hangs(*_, **__):
        answered.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    asker = asker_with("*.example.com", per_minute=1000)
    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    try:
        for number in range(1, 17):
            asker.sock.send(encode(Dial(number, f"n{number}.example.com", 80, 30.0)))
        await asyncio.sleep(0.1)
        busy = [asyncio.to_thread(time.sleep, 0) for _ in range(8)]
        await asyncio.wait_for(asyncio.gather(*busy), 30)
    finally:
        answered.set()
