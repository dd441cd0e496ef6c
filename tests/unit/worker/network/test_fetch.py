"""``container.http.fetch`` in real workers, and what the host's side makes of hostile requests and answers."""

from __future__ import annotations

import asyncio
import json
import os
import socket

import msgspec
import pytest

from theodore_loader.broker.connector import Connector
from theodore_loader.broker.http import REFUSALS_PER_SECOND, HttpService
from theodore_loader.broker.http_wire import MAX_BODY_BYTES, MAX_URL, Fetch
from theodore_loader.broker.limits import NetworkLimits
from theodore_loader.channel.codec import HostCall
from theodore_loader.channel.methods import encode_value
from theodore_loader.errors import RemoteError
from theodore_loader.permissions import Permission
from theodore_loader.supervise import access_log
from theodore_loader.supervise.authorities import bundle_with
from theodore_sdk import PluginPermissionError, ResourceLimitExceeded

FETCH = """
options = json.loads(request.url)
answer = await self.container.http.fetch(options.pop("url"), **options)
return say(json.dumps([answer.status, answer.header("content-type"), answer.text(), answer.url]))
"""


@pytest.fixture
def fetching(start):
    """Start a worker that fetches what it is told, and return a function that tells it."""

    async def run(*grants, **options):
        running = await start("import json" + FETCH, grants=tuple(f"network {grant}" for grant in grants), **options)

        async def fetch(url, **more):
            return json.loads(await running.scrape(json.dumps({"url": url, **more})))

        return running, fetch

    return run


def log_of(running, permission="network"):
    entries = access_log.read(running.worker.access_log.path)
    return [entry for entry in entries if entry["permission"] == permission]


async def test_a_granted_host_answers_and_each_request_is_recorded_with_its_line(fetching, plain):
    running, fetch = await fetching(f"localhost:{plain.port}")
    sent = {"method": "POST", "headers": {"X-Own": "1", "Connection": "upgrade", "TE": "gzip"}, "body": "ä"}
    status, kind, text, _url = await fetch(plain.url("/echo?secret=1"), **sent)
    told = json.loads(text)
    assert (status, kind, told["method"], told["body"]) == (200, "application/json", "POST", "ä")
    assert told["headers"] == {
        "Host": f"localhost:{plain.port}",
        "X-Own": "1",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "User-Agent": "theodore-plugin",
        "Content-Length": "2",
    }
    (entry,) = log_of(running)
    assert (entry["resource"], entry["decision"], entry["detail"]) == (f"localhost:{plain.port}", "allow", "POST /echo")
    assert entry["location"].startswith("demo_plugin.py:")


async def test_the_host_keeps_connections_and_no_cookies(fetching, plain):
    _, fetch = await fetching(f"localhost:{plain.port}")
    answers = [await fetch(plain.url("/echo")) for _ in range(3)]
    assert all("Cookie" not in json.loads(answer[2])["headers"] for answer in answers)
    assert len(plain.connections) == 1


async def test_a_kept_connection_the_server_has_closed_is_made_anew(fetching, plain):
    _, fetch = await fetching(f"localhost:{plain.port}")
    assert [(await fetch(plain.url("/bye")))[2] for _ in range(3)] == ["bye"] * 3
    assert len(plain.connections) == 3


async def test_requests_a_minute_are_exact_on_one_connection(fetching, plain):
    _, fetch = await fetching(f"localhost:{plain.port}", limits={"max_network_requests_per_minute": 3})
    for _ in range(3):
        await fetch(plain.url())
    with pytest.raises(ResourceLimitExceeded, match="3 requests in one minute"):
        await fetch(plain.url())
    assert (len(plain.requests), len(plain.connections)) == (3, 1)


async def test_a_host_without_a_grant_is_refused_with_line_and_remedy(fetching, plain):
    running, fetch = await fetching("localhost:1")
    with pytest.raises(PluginPermissionError, match=f"localhost:{plain.port}") as caught:
        await fetch(plain.url())
    assert caught.value.location is not None
    assert caught.value.location.startswith("demo_plugin.py:")
    assert [entry["decision"] for entry in log_of(running)] == ["deny"]
    assert not plain.connections


async def test_tls_is_checked_by_the_host_against_the_operators_authorities(fetching, secure, authority, tmp_path):
    grants = (f"localhost:{secure.port}", f"127.0.0.1:{secure.port}")
    _, fetch = await fetching(*grants, around={"authorities": bundle_with(authority, tmp_path)})
    assert (await fetch(secure.url("/a")))[2] == "page /a"
    with pytest.raises(RemoteError, match="IP address mismatch"):
        await fetch(secure.url(host="127.0.0.1"))
    _, without = await fetching(*grants)
    with pytest.raises(RemoteError, match="the certificate is not accepted"):
        await without(secure.url("/a"))
    assert secure.requests == ["GET /a"]


async def test_redirects_are_followed_only_when_asked_and_judged_each(fetching, plain):
    running, fetch = await fetching(f"localhost:{plain.port}")
    there = f"/to?url={plain.url('/echo')}"
    assert (await fetch(plain.url(there)))[0] == 302
    headers = {"Authorization": "secret"}
    status, _, text, url = await fetch(plain.url(there + "&status=303"), method="POST", redirects=2, headers=headers)
    told = json.loads(text)
    assert (status, told["method"], url) == (200, "GET", plain.url("/echo"))
    assert told["headers"]["Authorization"] == "secret"
    with pytest.raises(PluginPermissionError, match=f"127.0.0.1:{plain.port}"):
        await fetch(plain.url(f"/to?url={plain.url('/echo', '127.0.0.1')}"), redirects=5)
    assert [entry["decision"] for entry in log_of(running)] == ["allow"] * 4 + ["deny"]


async def test_credentials_do_not_follow_to_another_origin(fetching, plain):
    _, fetch = await fetching(f"localhost:{plain.port}", f"127.0.0.1:{plain.port}")
    headers = {"authorization": "secret", "Cookie": "secret", "X-Own": "1"}
    elsewhere = plain.url("/echo", "127.0.0.1")
    _, _, text, _ = await fetch(plain.url(f"/to?url={elsewhere}"), redirects=1, headers=headers)
    assert {name for name in json.loads(text)["headers"] if name in headers} == {"X-Own"}


async def test_an_answer_too_large_to_cross_is_a_limit_and_the_next_request_works(fetching, plain):
    _, fetch = await fetching(f"localhost:{plain.port}")
    assert len((await fetch(plain.url(f"/large?bytes={MAX_BODY_BYTES // 2}")))[2]) == MAX_BODY_BYTES // 2
    with pytest.raises(ResourceLimitExceeded, match="the body is larger than"):
        await fetch(plain.url(f"/large?bytes={MAX_BODY_BYTES + 1}"))
    with pytest.raises(ResourceLimitExceeded, match="bytes; "):
        await fetch(plain.url("/echo"), method="POST", body="x" * (MAX_BODY_BYTES + 1))
    assert (await fetch(plain.url("/chunks?count=2")))[2] == "chunk 0\nchunk 1\n"


async def test_a_url_too_long_for_servers_is_an_error_of_the_plugins_value(fetching, plain):
    _, fetch = await fetching(f"localhost:{plain.port}")
    room = MAX_URL - len(plain.url("/echo?"))
    assert (await fetch(plain.url("/echo?" + "x" * room)))[0] == 200
    with pytest.raises(RemoteError, match=f"a URL of {MAX_URL + 1} letters") as caught:
        await fetch(plain.url("/echo?" + "x" * (room + 1)))
    assert caught.value.type_name == "ValueError"


async def test_a_slow_server_ends_at_the_deadline_and_delays_nobody(fetching, plain):
    _, fetch = await fetching(f"localhost:{plain.port}")
    slow = [asyncio.create_task(fetch(plain.url("/slow?seconds=5"), seconds=0.3)) for _ in range(3)]
    assert (await fetch(plain.url("/a")))[2] == "page /a"
    for problem in await asyncio.gather(*slow, return_exceptions=True):
        assert isinstance(problem, RemoteError)
        assert problem.type_name == "TimeoutError"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "ftp://localhost/"}, "only http and https"),
        ({"url": "file:///etc/passwd"}, "only http and https"),
        ({"url": "http://user:secret@localhost:{port}/"}, "user or password"),
        ({"url": "http://localhost:{port}/#part"}, "fragment"),
        ({"url": "http://localhost:{port}/a b"}, "encode them"),
        ({"url": "http://localhost:{port}/a\r\nX-Own: 1"}, "encode them"),
        ({"url": "http://localhost:{port}\\@evil.example/"}, "backslashes"),
        ({"url": "http://127.1:{port}/"}, "canonical form"),
        ({"url": "http://0x7f000001:{port}/"}, "canonical form"),
        ({"url": "http://0177.0.0.1:{port}/"}, "canonical form"),
        ({"url": "http://[::1%25lo]:{port}/"}, "canonical form"),
        ({"url": "http://localhost:99999/"}, "port is no number"),
        ({"url": "http:///path"}, "canonical form"),
        ({"url": "http://[::1/"}, "not a URL"),
        ({"url": "http://[zz]:80/"}, ""),
        ({"url": "//localhost:{port}/"}, "only http and https"),
        ({"url": "http:localhost:{port}/"}, ""),
        ({"url": "http://localhost:{port}/" + "x" * 8192}, "letters; 8192 can be sent"),
        ({"url": "x" * 900_000}, "a URL of 900000 letters; 8192 can be sent"),
        ({"method": "CONNECT"}, "use one of"),
        ({"method": "GET" * 10_000}, "use one of"),
        ({"headers": {f"X-{number}": "" for number in range(101)}}, "101 headers; 100 can be sent"),
        ({"method": "GET / HTTP/1.1\r\n"}, "use one of"),
        ({"headers": {"X": "a\r\nHost: evil.example"}}, "cannot be sent"),
        ({"headers": {"X\r\nHost": "evil.example"}}, "cannot be sent"),
        ({"headers": {"X": "€"}}, "cannot be sent"),
        ({"headers": {"Host": "evil.example"}}, "written by the host"),
        ({"headers": {"content-length": "5"}}, "written by the host"),
    ],
)
async def test_what_could_mean_something_else_is_not_sent(serving, plain, options, message):
    service = serving(f"localhost:{plain.port}", f"127.0.0.1:{plain.port}")
    asked = {"url": plain.url(), **options}
    answer = await service.fetch(
        asked["url"].replace("{port}", str(plain.port)), asked.get("method", "GET"), asked.get("headers", {})
    )
    assert answer[:2][0] == "failed"
    assert answer[1] == "invalid"
    assert message in answer[2]
    assert not plain.connections


@pytest.mark.parametrize(
    "answer",
    [
        "garbage",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" + "".join(f"X-{n}: 1\r\n" for n in range(150)) + "\r\n",
        "HTTP/1.1 200 OK\r\nX: " + "y" * 60_000 + "\r\nZ: " + "y" * 60_000 + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: " + "y" * 70_000 + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + "1\r\nx\r\n" * 20_000 + "0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
    ],
)
async def test_an_answer_that_is_no_http_is_an_error_and_leaves_nothing_open(serving, answering, answer):
    port = await answering(answer.encode())
    service = serving(f"127.0.0.1:{port}")
    before = len(os.listdir("/proc/self/fd"))
    told = await service.fetch(f"http://127.0.0.1:{port}/")
    assert told[0] == "failed"
    assert told[1] in ("failed", "limited")
    service.http.close()
    service.connector.close()
    await asyncio.sleep(0.05)
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize(
    "arguments",
    [
        [[], {}],
        [[["http://localhost/", "GET", [], b"", 1.0, None]], {"more": "x"}],
        [[["http://localhost/", "GET", [["only a name"]], b"", 1.0, None]], {}],
        [[["http://localhost/", "GET", [], "text", 1.0, None]], {}],
    ],
)
async def test_malformed_calls_are_answered_as_such(serving, arguments):
    answer = await serving("*").http.call(HostCall(7, "theodore.http", "fetch", encode_value(arguments)))
    assert answer.id == 7
    assert answer.error is not None
    assert answer.error[0] == "TypeError"


@pytest.mark.parametrize("seconds", [float("nan"), float("-inf"), float("inf"), -1.0, 1e300])
async def test_an_impossible_deadline_is_the_longest(serving, plain, seconds):
    assert (await serving(f"localhost:{plain.port}").fetch(plain.url(), seconds=seconds))[0] == "fetched"


async def test_a_name_that_points_at_a_private_address_is_refused_and_recorded(serving, monkeypatch):
    private = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: private)
    service = serving("inside.example:80")
    answer = await service.fetch("http://inside.example/")
    assert answer[0] == "denied"
    assert "not a public address" in answer[1]
    assert [decision.granted for decision in service.decisions] == [True, False]


async def test_closing_ends_an_exchange_under_way(serving, plain):
    service = serving(f"localhost:{plain.port}")
    waiting = asyncio.create_task(service.fetch(plain.url("/slow?seconds=3")))
    await asyncio.sleep(0.3)
    service.http.close()
    assert (await asyncio.wait_for(waiting, 30))[0] == "failed"


class _Serving:
    def __init__(self, grants):
        self.decisions = []
        self.connector = Connector(
            [Permission.from_text(f"network {grant}") for grant in grants],
            per_minute=100,
            limits=NetworkLimits(),
            closed=lambda _: None,
        )
        self.http = HttpService(self.connector, self.decisions.append)

    async def fetch(self, url, method="GET", headers=None, body=b"", seconds=5.0):
        fetch = Fetch(url, method, tuple((headers or {}).items()), body, seconds)
        answer = await self.http.call(HostCall(1, "theodore.http", "fetch", encode_value([[fetch], {}])))
        if answer.denial is not None:
            return ["denied", answer.denial.resource]
        return answer.value and msgspec.msgpack.decode(answer.value)


@pytest.fixture
async def serving():
    """Return a function that makes the host's side alone."""
    made = []

    def make(*grants):
        made.append(_Serving(grants))
        return made[-1]

    yield make
    for one in made:
        one.http.close()
        one.connector.close()
    await asyncio.sleep(0)


@pytest.fixture
async def answering():
    """Return a function that starts a server that answers anything with the same bytes."""
    servers = []

    async def run(answer):
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        servers.append(await asyncio.start_server(serve, "127.0.0.1", 0))
        return servers[-1].sockets[0].getsockname()[1]

    yield run
    for server in servers:
        server.close()
        await server.wait_closed()


async def test_refused_fetches_beyond_a_rate_are_answered_late_and_all_recorded():
    decisions = []
    connector = Connector([], per_minute=10, limits=NetworkLimits(), closed=lambda _: None)
    service = HttpService(connector, decisions.append)
    fetch = msgspec.Raw(encode_value([[Fetch("http://evil.example/", "GET", (), b"", 5.0)], {}]))
    for number in range(2 * REFUSALS_PER_SECOND):
        assert (await service.call(HostCall(number + 1, "theodore.http", "fetch", fetch))).denial is not None
    late = [asyncio.create_task(service.call(HostCall(1, "theodore.http", "fetch", fetch))) for _ in range(10)]
    await asyncio.sleep(0)
    assert not all(task.done() for task in late)
    assert all(answer.denial is not None for answer in await asyncio.gather(*late))
    assert len(decisions) == 2 * REFUSALS_PER_SECOND + 10
    service.close()
    connector.close()
