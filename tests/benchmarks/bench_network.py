"""The same clients doing the same things: in a worker through the broker, and in a process with sockets of its own.

The servers are a process of their own. Both sides run the same file (``_CLIENT``), alternating in many short rounds;
what counts is the fastest quarter of each side, when the machine did little else. Ratios are what to compare.

Usage: ``python tests/benchmarks/bench_network.py [rounds]``
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from measured_plugin import plan_in, plugin_info

from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.worker import Worker, spawn_worker
from theodore_sdk import PluginResourceLimits, ScrapingRequest

_CLIENT = """
import asyncio, http.client, json, socket, ssl, sys, time, urllib.parse

def dial(port, tls, count):
    for _ in range(count):
        socket.create_connection(("127.0.0.1", port)).close()

def connections(port, tls, count):
    context = ssl.create_default_context(cafile=tls) if tls else None
    for _ in range(count):
        if context is None:
            connection = http.client.HTTPConnection("localhost", port)
        else:
            connection = http.client.HTTPSConnection("localhost", port, context=context)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()

def keep_alive(port, tls, count):
    context = ssl.create_default_context(cafile=tls) if tls else None
    if context is None:
        connection = http.client.HTTPConnection("localhost", port)
    else:
        connection = http.client.HTTPSConnection("localhost", port, context=context)
    for _ in range(count):
        connection.request("GET", "/")
        connection.getresponse().read()
    connection.close()

async def streams(port, tls, count):
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

async def measure(work, port, tls, count):
    started = time.perf_counter()
    if work == "streams":
        await streams(port, tls, count)
    else:
        {"dial": dial, "connections": connections, "keep_alive": keep_alive}[work](port, tls, count)
    return (time.perf_counter() - started) / count
"""

_PLUGIN = (
    """
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult
"""
    + _CLIENT
    + """
class Bench(ScraperPlugin):
    def get_plugin_info(self): ...
    async def initialize(self, container, config):
        self.container = container
    async def validate_configuration(self, config): return ValidationResult.success()
    async def health_check(self): return HealthStatus.healthy()
    async def cleanup(self): ...
    async def scrape_content(self, request):
        work, port, tls, count = json.loads(request.url)
        if work != "fetch":
            return ScrapingResult("", str(await measure(work, port, tls, count)), 200, True)
        started = time.perf_counter()
        for _ in range(count):
            await self.container.http.fetch(f"http://localhost:{port}/")
        return ScrapingResult("", str((time.perf_counter() - started) / count), 200, True)
"""
)

_DIRECT = _CLIENT + textwrap.dedent(
    """
    for line in sys.stdin:
        print(asyncio.run(measure(*json.loads(line))), flush=True)
    """
)

_SERVER = """
import asyncio, ssl, sys
BODY = b"HTTP/1.1 200 OK\\r\\nContent-Length: 200\\r\\n\\r\\n" + b"x" * 200
async def serve(reader, writer):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            writer.write(BODY)
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()
async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    plain = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    secure = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, backlog=1024)
    print(*(server.sockets[0].getsockname()[1] for server in (plain, secure)), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""

INFO = plugin_info(
    resource_limits=PluginResourceLimits(max_network_requests_per_minute=1_000_000, max_cpu_percent=400.0)
)

CASES = (
    ("dial, socket.create_connection", "dial", False, 20),
    ("dial, asyncio.open_connection", "streams", False, 20),
    ("HTTP, new connection", "connections", False, 10),
    ("HTTPS, new connection", "connections", True, 5),
    ("HTTP, keep-alive", "keep_alive", False, 200),
    ("HTTPS, keep-alive", "keep_alive", True, 200),
    ("HTTP, http.fetch against keep-alive", "fetch", False, 50),
)


_DIRECTLY = {"fetch": "keep_alive"}


class Direct:
    """The plain process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _DIRECT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def measure(self, *question: object) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


async def brokered(worker: Worker, *question: object) -> float:
    method = worker.methods["scrape_content"]
    return float((await worker.call(method, (ScrapingRequest(url=json.dumps(question)),), {})).content)


def certificates(folder: Path) -> tuple[str, str]:
    """Return a server's certificate for ``localhost`` with its key, and the authority to trust."""
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*command, "-keyout", key, "-out", cert, "-days", "2", *names], check=True, capture_output=True)
    both = folder / "server.pem"
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    return str(both), str(cert)


def plan_for(folder: Path, ports: tuple[int, int], certificate: str) -> Plan:
    hosts = [f"network {host}:{port}" for host in ("localhost", "127.0.0.1") for port in ports]
    plan = plan_in(folder, _PLUGIN, INFO, *hosts)
    (plan.roots[0] / "ca.pem").write_bytes(Path(certificate).read_bytes())
    return plan


async def start(folder: Path, plan: Plan) -> Worker:
    return await spawn_worker(plan, Surroundings(folder / "logs", runtime_folder(folder), {}, {}, lambda _: None))


def serve(certificate: str) -> tuple[subprocess.Popen[str], int, int]:
    """Return the server's process, its HTTP port and its HTTPS port."""
    server = subprocess.Popen([sys.executable, "-c", _SERVER, certificate], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    plain, secure = (int(port) for port in server.stdout.readline().split())
    return server, plain, secure


def show(name: str, direct: list[float], through: list[float]) -> None:
    one, other = fastest(direct), fastest(through)
    print(f"{name:36}{one * 1e6:9.0f} us{other * 1e6:9.0f} us{other / one:8.2f} x")


def fastest(rounds: list[float]) -> float:
    """Return the mean of the fastest quarter."""
    return statistics.fmean(sorted(rounds)[: max(1, len(rounds) // 4)])


async def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        both, certificate = certificates(folder)
        server, plain, secure = serve(both)
        direct = Direct()
        worker = await start(folder, plan_for(folder, (plain, secure), certificate))
        in_worker = str(folder / "plugin" / "ca.pem")
        try:
            print(f"{'fastest quarter of ' + str(rounds) + ' rounds':36}{'direct':>12}{'broker':>12}{'ratio':>10}")
            for label, work, tls, count in CASES:
                ones, others = [], []
                for _ in range(rounds):
                    port = secure if tls else plain
                    ones.append(
                        await asyncio.to_thread(
                            direct.measure, _DIRECTLY.get(work, work), port, certificate if tls else "", count
                        )
                    )
                    others.append(await brokered(worker, work, port, in_worker if tls else "", count))
                show(label, ones, others)
        finally:
            await worker.kill()
            direct.close()
            server.terminate()
            server.wait()


if __name__ == "__main__":
    asyncio.run(main())
