"""Six libraries with their ordinary API in workers that may reach one HTTPS server, and what goes wrong in them.

No client is told about the authority: it comes from the operator's file, which every worker can read.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import textwrap

import pytest
from eventually import eventually

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.supervise import access_log
from theodore_loader.supervise.authorities import bundle_with
from theodore_loader.supervise.zygote import why_not
from theodore_sdk import PluginPermissionError

ASYNC = {
    "httpx.AsyncClient": """
        import httpx
        async with httpx.AsyncClient() as client:
            first = (await client.get(base + "/a")).text
            again = (await client.get(base + "/b")).text
            posted = (await client.post(base + "/echo", json={"n": 1})).json()["body"]
            chunks = []
            async with client.stream("GET", base + "/chunks?count=300") as response:
                async for chunk in response.aiter_bytes():
                    chunks.append(chunk)
            large = 0
            async with client.stream("GET", base + "/large?bytes=8000000") as response:
                async for chunk in response.aiter_bytes():
                    large += len(chunk)
            try:
                await client.get(base + "/slow?seconds=2", timeout=0.2)
            except httpx.ReadTimeout:
                late = True
            many = await asyncio.gather(*(client.get(f"{base}/{n}") for n in range(50)))
        texts = [response.text for response in many]
        """,
    "aiohttp": """
        import aiohttp
        async with aiohttp.ClientSession() as session:
            async def get(path):
                async with session.get(base + path) as response:
                    return await response.text()
            first, again = await get("/a"), await get("/b")
            async with session.post(base + "/echo", json={"n": 1}) as response:
                posted = (await response.json())["body"]
            async with session.get(base + "/chunks?count=300") as response:
                chunks = [chunk async for chunk in response.content.iter_any()]
            async with session.get(base + "/large?bytes=8000000") as response:
                large = sum([len(chunk) async for chunk in response.content.iter_chunked(65536)])
            try:
                await asyncio.wait_for(get("/slow?seconds=2"), 0.2)
            except TimeoutError:
                late = True
            texts = await asyncio.gather(*(get(f"/{n}") for n in range(50)))
        """,
}
BLOCKING = {
    "httpx.Client": """
        import httpx
        with httpx.Client() as client:
            first = client.get(base + "/a").text
            again = client.get(base + "/b").text
            posted = client.post(base + "/echo", json={"n": 1}).json()["body"]
            with client.stream("GET", base + "/chunks?count=300") as response:
                chunks = list(response.iter_bytes())
            with client.stream("GET", base + "/large?bytes=8000000") as response:
                large = sum(len(chunk) for chunk in response.iter_bytes())
            try:
                client.get(base + "/slow?seconds=2", timeout=0.2)
            except httpx.ReadTimeout:
                late = True
            paths = [f"/{n}" for n in range(12)]
            texts = await asyncio.gather(*(asyncio.to_thread(lambda p: client.get(base + p).text, p) for p in paths))
        """,
    "requests": """
        import requests
        with requests.Session() as session:
            first = session.get(base + "/a").text
            again = session.get(base + "/b").text
            posted = session.post(base + "/echo", json={"n": 1}).json()["body"]
            with session.get(base + "/chunks?count=300", stream=True) as response:
                chunks = list(response.iter_content(1000))
            with session.get(base + "/large?bytes=8000000", stream=True) as response:
                large = sum(len(chunk) for chunk in response.iter_content(65536))
            try:
                session.get(base + "/slow?seconds=2", timeout=0.2)
            except requests.ReadTimeout:
                late = True
            paths = [f"/{n}" for n in range(12)]
            texts = await asyncio.gather(*(asyncio.to_thread(lambda p: session.get(base + p).text, p) for p in paths))
        """,
    "urllib": """
        import json, urllib.request
        def get(path, data=None, timeout=30):
            with urllib.request.urlopen(urllib.request.Request(base + path, data), timeout=timeout) as response:
                return response.read()
        first, again = get("/a").decode(), get("/b").decode()
        posted = json.loads(get("/echo", b'{"n":1}'))["body"]
        chunks, large = [get("/chunks?count=300")], len(get("/large?bytes=8000000"))
        try:
            get("/slow?seconds=2", timeout=0.2)
        except TimeoutError:
            late = True
        paths = [f"/{n}" for n in range(12)]
        texts = [text.decode() for text in await asyncio.gather(*(asyncio.to_thread(get, p) for p in paths))]
        """,
}
CHECK = """
whole = b"".join(chunks)
assert (first, again) == ("page /a", "page /b"), (first, again)
assert posted.replace(" ", "") == '{"n":1}', posted
assert whole == b"".join(b"chunk %d\\n" % n for n in range(300)), len(whole)
assert large == 8_000_000 and late
assert texts == [f"page /{n}" for n in range(len(texts))], texts
return say(len(texts))
"""
LIMITS = {"max_network_requests_per_minute": 1000, "max_file_handles": 128}


def body_of(client):
    return "base = request.url\nlate = False\n" + textwrap.dedent({**ASYNC, **BLOCKING}[client]) + CHECK


@pytest.fixture
def around(authority, tmp_path):
    """What an operator gives who has an authority of his own."""
    return {"authorities": bundle_with(authority, tmp_path / "operator")}


def network_log(running):
    return [e for e in access_log.read(running.worker.access_log.path) if e["permission"].startswith("network")]


@pytest.mark.parametrize("client", [*ASYNC, *BLOCKING])
async def test_a_client_does_its_ordinary_work_over_tls(start, libraries, secure, around, client):
    running = await start(
        body_of(client), grants=(f"network localhost:{secure.port}",), roots=(libraries,), limits=LIMITS, around=around
    )
    assert await running.scrape(secure.url("")) == ("50" if client in ASYNC else "12")
    if client != "urllib":  # which keeps no connection
        assert len(secure.connections) < len(secure.requests)
    assert {entry["decision"] for entry in network_log(running)} == {"allow"}
    usage = running.worker._harness.broker.usage()
    assert usage.bytes_in > 8_000_000
    assert usage.connections == len(secure.connections)


REDIRECTED = {
    "httpx": "import httpx; httpx.get(request.url, follow_redirects=True)",
    "httpx-async": """
        import httpx
        async with httpx.AsyncClient(follow_redirects=True) as client:
            await client.get(request.url)
        """,
    "requests": "import requests; requests.get(request.url)",
    "urllib": "import urllib.request; urllib.request.urlopen(request.url)",
    "aiohttp": """
        import aiohttp
        async with aiohttp.ClientSession() as session:
            await session.get(request.url)
        """,
}


@pytest.mark.parametrize("client", REDIRECTED)
async def test_a_redirect_to_another_host_is_refused_with_line_and_remedy(start, libraries, secure, around, client):
    running = await start(
        REDIRECTED[client], grants=(f"network localhost:{secure.port}",), roots=(libraries,), around=around
    )
    with pytest.raises(PluginPermissionError) as caught:
        await running.scrape(secure.url(f"/to?url={secure.url('/', 'elsewhere.example')}"))
    assert caught.value.resource == f"elsewhere.example:{secure.port}"
    assert caught.value.location is not None
    assert caught.value.location.startswith("demo_plugin.py:")
    assert f'declare PermissionType.NETWORK with pattern="elsewhere.example:{secure.port}"' in str(caught.value)
    assert "deny" in [entry["decision"] for entry in network_log(running)]


async def test_without_the_operators_authorities_no_client_believes_the_server(start, libraries, secure):
    running = await start(
        """
        import aiohttp, httpx, requests, urllib.request
        problems = []
        for get in (httpx.get, requests.get, urllib.request.urlopen):
            try:
                get(request.url)
            except Exception as problem:
                problems.append("CERTIFICATE_VERIFY_FAILED" in str(problem))
        async with aiohttp.ClientSession() as session:
            try:
                await session.get(request.url)
            except aiohttp.ClientConnectorCertificateError:
                problems.append(True)
        return say(problems)
        """,
        grants=(f"network localhost:{secure.port}",),
        roots=(libraries,),
    )
    assert await running.scrape(secure.url("/a")) == str([True] * 4)
    assert not secure.requests


async def test_machine_code_of_the_libraries_runs_with_a_native_grant(start, native_libraries, secure, around):
    if available().tier < Tier.STANDARD:
        pytest.skip("without the kernel's layers a native grant is another question")
    running = await start(
        """
        import aiohttp._http_parser, bs4, lxml.etree, urllib.request
        async with aiohttp.ClientSession() as session:
            async with session.get(request.url + "/raw-page") as response:
                text = await response.text()
        page = bs4.BeautifulSoup("<html><p class=x>" + text + "</p><a href=/b>b</a>", "lxml")
        tree = lxml.etree.fromstring(b"<r><i>1</i><i>2</i></r>")
        return say([page.find("p", class_="x").text, page.a["href"], tree.xpath("sum(//i)"), page.builder.NAME])
        """,
        grants=(
            f"network localhost:{secure.port}",
            *(f"native {name}" for name in ("aiohttp", "multidict", "yarl", "frozenlist", "propcache", "lxml")),
        ),
        roots=(native_libraries,),
        around=around,
    )
    assert await running.scrape(secure.url("")) == "['page /raw-page', '/b', 3.0, 'lxml']"


async def test_lxml_fetches_nothing_by_itself(start, native_libraries, plain):
    """libxml2 has a network client of its own, in machine code: it has no sockets either."""
    if available().tier < Tier.STANDARD:
        pytest.skip("below, nothing holds machine code")
    running = await start(
        """
        import lxml.etree
        try:
            lxml.etree.parse(request.url, lxml.etree.XMLParser(no_network=False))
        except OSError as problem:
            return say("failed")
        """,
        grants=("native lxml", f"network localhost:{plain.port}"),
        roots=(native_libraries,),
    )
    assert await running.scrape(plain.url()) == "failed"
    assert not plain.connections


async def test_sqlite_works_in_the_plugins_own_folder(start):
    running = await start(
        """
        import sqlite3
        path = self.container.data_dir / "pages.sqlite"
        def write(n):
            with sqlite3.connect(path, timeout=30) as own:
                own.execute("insert into pages values (?, ?)", (f"/{n}", "x" * 5000))
        base = sqlite3.connect(path)
        base.execute("pragma journal_mode=wal")
        base.execute("create table pages (url text primary key, body text)")
        base.execute("create virtual table words using fts5(body)")
        base.commit()
        await asyncio.gather(*(asyncio.to_thread(write, n) for n in range(4)))
        base.execute("insert into words values ('many ordinary words')")
        base.execute("attach ? as more", (str(self.container.data_dir / "more.sqlite"),))
        base.execute("create table more.t as select url from pages order by url")
        base.commit()
        base.execute("vacuum")
        copy = sqlite3.connect(self.container.cache_dir / "copy.sqlite")
        base.backup(copy)
        rows = base.execute("select count(*) from more.t").fetchone()
        words = base.execute("select body from words where words match 'ordinary'").fetchall()
        return say([rows, len(words), copy.execute("select count(*) from pages").fetchone()])
        """,
        grants=("filesystem rw:{data}/**", "filesystem rw:{cache}/**"),
    )
    assert await running.scrape() == "[(4,), 1, (4,)]"


@pytest.mark.parametrize("launched", ["spawned", "forked"])
async def test_streams_start_tls_and_plain_sockets_speak_to_a_granted_host(
    start, zygote, secure, plain, around, launched
):
    if launched == "forked" and why_not():
        pytest.skip(f"no zygote here: {why_not()}")
    running = await start(
        """
        import http.client, json, socket, ssl, urllib.parse
        secure, plain = json.loads(request.url)
        said = []
        reader, writer = await asyncio.open_connection("localhost", secure)
        await writer.start_tls(ssl.create_default_context(), server_hostname="localhost")
        writer.write(b"GET /tls HTTP/1.0\\r\\n\\r\\n")
        said.append((await reader.read()).partition(b"\\r\\n\\r\\n")[2])
        writer.close()
        await writer.wait_closed()
        with socket.create_connection(("localhost", secure), timeout=30) as raw:
            with ssl.create_default_context().wrap_socket(raw, server_hostname="localhost") as wrapped:
                wrapped.sendall(b"GET /wrapped HTTP/1.0\\r\\n\\r\\n")
                said.append(wrapped.makefile("rb").read().partition(b"\\r\\n\\r\\n")[2])
        pipeline = socket.create_connection(("localhost", plain), timeout=30)
        pipeline.sendall(b"GET /1 HTTP/1.1\\r\\n\\r\\nGET /2 HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n")
        data = b""
        while chunk := pipeline.recv(4096):
            data += chunk
        pipeline.close()
        said.append(data.count(b"200 OK"))
        half = socket.create_connection(("localhost", plain), timeout=30)
        half.sendall(b"GET /half HTTP/1.0\\r\\n\\r\\n")
        half.shutdown(socket.SHUT_WR)
        said.append(half.makefile("rb").read().endswith(b"page /half"))
        half.close()
        first = socket.create_connection(("localhost", plain), timeout=30)
        second = first.dup()
        third = socket.fromfd(second.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        first.close()
        third.close()
        second.sendall(b"GET /dup HTTP/1.0\\r\\n\\r\\n")
        said.append(second.makefile("rb").read().endswith(b"page /dup"))
        second.close()
        return say(said)
        """,
        grants=(f"network localhost:{secure.port}", f"network localhost:{plain.port}"),
        around=around,
        workers_from=zygote if launched == "forked" else None,
    )
    assert await running.scrape(f"[{secure.port}, {plain.port}]") == "[b'page /tls', b'page /wrapped', 2, True, True]"
    for _ in range(100):
        if not running.worker._harness.broker.usage().open:
            break
        await asyncio.sleep(0.02)
    assert running.worker._harness.broker.usage().open == 0


async def test_anyio_and_the_loops_own_connects_work(start, libraries, plain):
    running = await start(
        """
        import anyio, socket
        port, said = int(request.url), []
        async def by_anyio():
            async with await anyio.connect_tcp("localhost", port) as stream:
                await stream.send(b"GET /any HTTP/1.0\\r\\n\\r\\n")
                said.append(b"".join([chunk async for chunk in stream])[-4:])
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(by_anyio)
        _, writer = await asyncio.open_connection("localhost", port, happy_eyeballs_delay=0.2)
        writer.close()
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, ("localhost", port))
            await loop.sock_sendall(sock, b"GET /loop HTTP/1.0\\r\\n\\r\\n")
            said.append((await loop.sock_recv(sock, 4096))[:15])
        return say(said)
        """,
        grants=(f"network localhost:{plain.port}",),
        roots=(libraries,),
    )
    assert await running.scrape(str(plain.port)) == "[b'/any', b'/any', b'/any', b'HTTP/1.1 200 OK']"


async def test_ipv6_addresses_are_reached_like_others(start, libraries):
    serving = []

    async def serve(reader, writer):
        serving.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError):  # the last one only connects
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nsix")
        writer.close()
        await writer.wait_closed()

    try:
        server = await asyncio.start_server(serve, "::1", 0)
    except OSError:
        pytest.skip("no IPv6 here")
    port = server.sockets[0].getsockname()[1]
    running = await start(
        """
        import aiohttp, httpx, requests, socket, urllib.request
        said = [httpx.get(request.url).text, requests.get(request.url).text]
        said.append(urllib.request.urlopen(request.url).read().decode())
        async with aiohttp.ClientSession() as session, session.get(request.url) as response:
            said.append(await response.text())
        said.append((await self.container.http.fetch(request.url)).text())
        with socket.create_connection(("::1", int(request.url.rstrip("/").rpartition(":")[2]))) as sock:
            said.append((sock.family.name, sock.getpeername()[0]))
        return say(said)
        """,
        grants=(f"network [::1]:{port}",),
        roots=(libraries,),
    )
    async with server:
        assert await running.scrape(f"http://[::1]:{port}/") == str([*["six"] * 5, ("AF_INET6", "::1")])
        await asyncio.gather(*serving)


async def test_a_connect_that_is_given_up_leaves_the_client_usable(start, plain):
    running = await start(
        """
        port, turns = map(int, request.url.split())
        waiting = [asyncio.create_task(asyncio.open_connection("localhost", port)) for _ in range(20)]
        for _ in range(turns):  # the host's answers to some may have come
            await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        for _, writer in (result for result in done if isinstance(result, tuple)):
            writer.close()
        kinds = {tuple: "made", asyncio.CancelledError: "given up"}
        return say(sorted(kinds.get(type(result), repr(result)) for result in done))
        """,
        grants=(f"network localhost:{plain.port}",),
        limits=LIMITS,
    )
    assert await running.scrape(f"{plain.port} 1") == str(["given up"] * 10 + ["made"] * 10)
    for turns in range(2, 9):
        assert set(ast.literal_eval(await running.scrape(f"{plain.port} {turns}"))) <= {"given up", "made"}
    assert await eventually(lambda: not running.worker._harness.broker.usage().open)


async def test_threads_and_event_loops_dial_at_the_same_time(start, plain):
    """Including a blocking connect on the loop's own thread while the loop waits for an answer itself."""
    running = await start(
        """
        import socket
        port = int(request.url)
        def blocking():
            for _ in range(5):
                socket.create_connection(("localhost", port), timeout=30).close()
            return 5
        def another_loop():
            async def connect():
                _, writer = await asyncio.open_connection("localhost", port)
                writer.close()
            for _ in range(3):
                asyncio.run(connect())
            return 3
        async def awaiting():
            _, writer = await asyncio.open_connection("localhost", port)
            writer.close()
            return 1
        async def rude():
            await asyncio.sleep(0)
            return blocking()
        parts = [asyncio.to_thread(blocking) for _ in range(4)] + [asyncio.to_thread(another_loop) for _ in range(2)]
        parts += [awaiting() for _ in range(10)] + [rude() for _ in range(2)]
        return say(sum(await asyncio.gather(*parts)))
        """,
        grants=(f"network localhost:{plain.port}",),
        limits=LIMITS,
    )
    assert await running.scrape(str(plain.port)) == str(4 * 5 + 2 * 3 + 10 + 2 * 5)


async def test_a_refused_connection_is_the_clients_own_error(start, libraries):
    running = await start(
        """
        import aiohttp, httpx, requests
        names = []
        for get in (httpx.get, requests.get):
            try:
                get("http://127.0.0.1:1/")
            except Exception as problem:
                names.append(type(problem).__name__)
        async with aiohttp.ClientSession() as session:
            try:
                await session.get("http://127.0.0.1:1/")
            except aiohttp.ClientConnectorError as problem:
                names.append(type(problem.os_error).__name__)
        return say(names)
        """,
        grants=("network 127.0.0.1:1",),
        roots=(libraries,),
    )
    assert await running.scrape() == "['ConnectError', 'ConnectionError', 'ConnectionRefusedError']"


async def test_an_operators_file_without_certificates_is_refused(tmp_path):
    (tmp_path / "wrong.pem").write_text("not a certificate")
    for wrong in ("wrong.pem", "missing.pem"):
        with pytest.raises(ConfigurationProblem, match="no certificates can be read"):
            bundle_with(tmp_path / wrong, tmp_path)
