"""Unmodified HTTP clients in a worker that has no sockets of its own."""

from __future__ import annotations

import os
import sys

import pytest
from eventually import eventually

from theodore_loader.errors import RemoteError
from theodore_loader.supervise import access_log
from theodore_sdk import PluginPermissionError, ResourceLimitExceeded, ScrapingRequest

CLIENTS = {
    "httpx-async": """
        import httpx
        async with httpx.AsyncClient() as client:
            return say((await client.get(request.url)).text)
        """,
    "httpx": """
        import httpx
        with httpx.Client() as client:
            return say(client.get(request.url).text)
        """,
    "httpx-in-thread": """
        import httpx
        return say((await asyncio.to_thread(httpx.get, request.url)).text)
        """,
    "requests": """
        import requests
        return say(requests.get(request.url, timeout=30).text)
        """,
    "urllib": """
        import urllib.request
        with urllib.request.urlopen(request.url, timeout=30) as response:
            return say(response.read().decode())
        """,
    "http.client": """
        import http.client, urllib.parse
        parts = urllib.parse.urlsplit(request.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        try:
            connection.request("GET", parts.path)
            return say(connection.getresponse().read().decode())
        finally:
            connection.close()
        """,
    "asyncio-streams": """
        import urllib.parse
        parts = urllib.parse.urlsplit(request.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"GET {parts.path} HTTP/1.0\\r\\n\\r\\n".encode())
        body = (await reader.read()).decode().partition("\\r\\n\\r\\n")[2]
        writer.close()
        return say(body)
        """,
    "socket": """
        import socket, urllib.parse
        parts = urllib.parse.urlsplit(request.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(f"GET {parts.path} HTTP/1.0\\r\\n\\r\\n".encode())
            data = b""
            while chunk := sock.recv(4096):
                data += chunk
        return say(data.decode().partition("\\r\\n\\r\\n")[2])
        """,
}


SECURE_CLIENTS = {
    "httpx-async": """
        import httpx, ssl
        context = ssl.create_default_context(cadata=request.headers["ca"])
        async with httpx.AsyncClient(verify=context) as client:
            return say((await client.get(request.url)).text)
        """,
    "httpx": """
        import httpx, ssl
        context = ssl.create_default_context(cadata=request.headers["ca"])
        with httpx.Client(verify=context) as client:
            return say(client.get(request.url).text)
        """,
    "requests": """
        import requests
        bundle = self.container.tmp_dir / "ca.pem"
        bundle.write_text(request.headers["ca"])
        return say(requests.get(request.url, verify=str(bundle), timeout=30).text)
        """,
    "urllib": """
        import ssl, urllib.request
        context = ssl.create_default_context(cadata=request.headers["ca"])
        with urllib.request.urlopen(request.url, timeout=30, context=context) as response:
            return say(response.read().decode())
        """,
    "asyncio-streams": """
        import ssl, urllib.parse
        parts = urllib.parse.urlsplit(request.url)
        context = ssl.create_default_context(cadata=request.headers["ca"])
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
        writer.write(f"GET {parts.path} HTTP/1.0\\r\\n\\r\\n".encode())
        body = (await reader.read()).decode().partition("\\r\\n\\r\\n")[2]
        writer.close()
        return say(body)
        """,
}


@pytest.mark.parametrize("client", SECURE_CLIENTS)
async def test_tls_ends_in_the_worker_and_checks_the_name_that_was_asked_for(
    start, libraries, secure, authority, client
):
    port = secure.port
    running = await start(
        SECURE_CLIENTS[client], grants=(f"network localhost:{port}", f"network 127.0.0.1:{port}"), roots=(libraries,)
    )
    method = running.worker.methods["scrape_content"]
    request = ScrapingRequest(url=f"https://localhost:{port}/s", headers={"ca": authority.read_text()})
    assert (await running.worker.call(method, (request,), {})).content == "page /s"
    other = ScrapingRequest(url=f"https://127.0.0.1:{port}/s", headers={"ca": authority.read_text()})
    with pytest.raises(RemoteError, match=r"(?i)certificate|IP address mismatch"):
        await running.worker.call(method, (other,), {})


def log_of(running):
    return list(access_log.read(running.worker.access_log.path))


@pytest.mark.parametrize("client", CLIENTS)
async def test_unmodified_clients_reach_a_granted_host(start, libraries, port, client):
    running = await start(CLIENTS[client], grants=(f"network 127.0.0.1:{port}",), roots=(libraries,))
    assert await running.scrape(f"http://127.0.0.1:{port}/a") == "page /a"
    decisions = [(entry["resource"], entry["decision"], entry["trust"]) for entry in log_of(running)]
    assert (f"127.0.0.1:{port}", "allow", "host") in decisions


@pytest.mark.parametrize("client", ["urllib", "httpx-async", "httpx-in-thread", "asyncio-streams"])
async def test_the_access_log_names_the_line_that_connected(start, libraries, port, client):
    running = await start(CLIENTS[client], grants=(f"network 127.0.0.1:{port}",), roots=(libraries,))
    await running.scrape(f"http://127.0.0.1:{port}/a")
    (entry,) = [entry for entry in log_of(running) if entry["permission"] == "network"]
    assert entry["location"].startswith("demo_plugin.py:")


@pytest.mark.parametrize("client", ["httpx-async", "httpx", "httpx-in-thread", "requests", "urllib", "socket"])
async def test_unmodified_clients_are_refused_another_host(start, libraries, port, client):
    running = await start(CLIENTS[client], grants=("network 127.0.0.1:1",), roots=(libraries,))
    with pytest.raises(PluginPermissionError) as caught:
        await running.scrape(f"http://127.0.0.1:{port}/a")
    assert caught.value.permission == "network"
    assert caught.value.resource == f"127.0.0.1:{port}"
    assert caught.value.enforced_by == "broker"
    assert caught.value.location is not None
    assert caught.value.location.startswith("demo_plugin.py:")
    assert any(entry["decision"] == "deny" and entry["source"] == "broker" for entry in log_of(running))


async def test_a_denial_is_an_exception_the_plugin_can_handle(start, port):
    running = await start(
        """
        import socket
        try:
            socket.create_connection(("127.0.0.1", int(request.url)))
        except PluginPermissionError as denied:
            return say(f"{denied.permission} {denied.enforced_by}")
        """
    )
    assert await running.scrape(str(port)) == "network broker"


async def test_an_exact_name_is_resolved_by_the_host(start, port):
    running = await start(CLIENTS["urllib"], grants=(f"network localhost:{port}",))
    assert await running.scrape(f"http://localhost:{port}/x") == "page /x"
    with pytest.raises(PluginPermissionError):
        await running.scrape(f"http://127.0.0.1:{port}/x")


async def test_many_connections_at_once(start, libraries, port):
    running = await start(
        """
        import httpx
        async with httpx.AsyncClient() as client:
            pages = await asyncio.gather(*(client.get(f"{request.url}{n}") for n in range(12)))
        return say([page.text for page in pages])
        """,
        grants=(f"network 127.0.0.1:{port}",),
        roots=(libraries,),
    )
    assert await running.scrape(f"http://127.0.0.1:{port}/") == str([f"page /{n}" for n in range(12)])


async def test_connections_a_minute_are_limited(start, port):
    running = await start(
        """
        import socket
        for _ in range(4):
            socket.create_connection(("127.0.0.1", int(request.url)), timeout=30).close()
        """,
        grants=(f"network 127.0.0.1:{port}",),
        limits={"max_network_requests_per_minute": 3},
    )
    with pytest.raises(ResourceLimitExceeded, match="3 connections in one minute") as caught:
        await running.scrape(str(port))
    assert caught.value.limit == "max_network_requests_per_minute"


async def test_a_closed_port_is_an_ordinary_connection_error(start):
    running = await start(
        """
        import socket
        try:
            socket.create_connection(("127.0.0.1", 1), timeout=30)
        except ConnectionRefusedError as problem:
            return say(f"refused {problem.errno}")
        """,
        grants=("network 127.0.0.1:1",),
    )
    assert (await running.scrape()).startswith("refused")


async def test_connect_ex_and_timeouts_answer_like_the_standard_library(start, port):
    running = await start(
        """
        import socket
        with socket.socket() as sock:
            sock.settimeout(30)
            first = sock.connect_ex(("127.0.0.1", int(request.url)))
            return say([first, sock.gettimeout(), sock.getpeername()[1] == int(request.url), sock.getblocking()])
        """,
        grants=(f"network 127.0.0.1:{port}",),
    )
    assert await running.scrape(str(port)) == "[0, 30.0, True, True]"


@pytest.mark.parametrize(
    ("body", "resource"),
    [
        ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "SOCK_DGRAM"),
        ("socket.socket(socket.AF_UNIX)", "AF_UNIX"),
        ("socket.socket().bind(('127.0.0.1', 0))", "127.0.0.1"),
        ("socket.create_server(('127.0.0.1', 0))", "127.0.0.1"),
    ],
)
async def test_other_sockets_are_refused_by_name(start, body, resource):
    running = await start(f"import socket\n{body}")
    with pytest.raises(PluginPermissionError, match=resource):
        await running.scrape()


async def test_names_are_not_resolved_in_the_worker(start):
    running = await start("import socket; return say(socket.gethostbyname('example.com'))")
    with pytest.raises(RemoteError, match="a worker resolves no names"):
        await running.scrape()


@pytest.mark.kernel
async def test_the_socket_module_below_the_shim_is_refused_by_the_kernel_or_the_hook(start, port):
    running = await start(
        """
        import _socket
        sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        sock.connect(("127.0.0.1", int(request.url)))
        """,
        grants=(f"network 127.0.0.1:{port}",),
    )
    with pytest.raises(PluginPermissionError):
        await running.scrape(str(port))


async def test_a_descriptor_of_the_broker_is_not_inherited_by_the_next_connection(start, port):
    """Connections close when the plugin closes them: the host keeps no duplicate."""
    running = await start(
        """
        import socket
        for _ in range(60):
            socket.create_connection(("127.0.0.1", int(request.url)), timeout=30).close()
        return say("fine")
        """,
        grants=(f"network 127.0.0.1:{port}",),
    )
    before = len(os.listdir("/proc/self/fd"))
    assert await running.scrape(str(port)) == "fine"
    assert await eventually(lambda: len(os.listdir("/proc/self/fd")) <= before + 1)


if sys.platform != "linux":
    pytestmark = pytest.mark.skip("descriptors are passed and counted the Linux way")


@pytest.mark.parametrize(
    ("address", "raised"),
    [
        ('("localhost", -1)', "OverflowError"),
        ('("localhost", 65536)', "OverflowError"),
        ('("localhost", 2**70)', "OverflowError"),
        ('("localhost", "80")', "TypeError"),
        ('("localhost", 80.0)', "TypeError"),
        ("(None, 80)", "TypeError"),
        ('("\\udc80", 80)', "UnicodeEncodeError"),
        ('(b"\\xff", 80)', "UnicodeDecodeError"),
    ],
)
async def test_what_is_no_address_fails_in_the_worker_and_does_not_look_like_an_attack(start, address, raised):
    body = f"""
    import socket
    async def loop():
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, {address})
    found = []
    try:
        socket.socket().connect({address})
    except Exception as problem:
        found.append(type(problem).__name__)
    try:
        await loop()
    except Exception as problem:
        found.append(type(problem).__name__)
    return say(" ".join(found))
    """
    running = await start(body, grants=("network localhost",))
    assert await running.scrape() == f"{raised} {raised}"
    assert await running.scrape() == f"{raised} {raised}"


async def test_a_port_out_of_somebody_elses_url_is_an_ordinary_error(start):
    body = """
    try:
        await asyncio.open_connection("localhost", int(request.url))
    except OSError as problem:
        return say(type(problem).__name__)
    """
    running = await start(body, grants=("network localhost",))
    assert [await running.scrape(port) for port in ("70000", "-1")] == ["gaierror", "gaierror"]


async def test_a_host_given_as_bytes_is_reached(start, port):
    body = """
    import socket
    with socket.socket() as sock:
        sock.connect((b"localhost", int(request.url)))
        return say("connected")
    """
    running = await start(body, grants=(f"network localhost:{port}",))
    assert await running.scrape(str(port)) == "connected"
