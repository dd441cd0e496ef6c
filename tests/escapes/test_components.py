"""The catalogue's cases that a sandbox cannot see: the reader of archives, the checker, the broker, the channel."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shooting import catalogue, components
from shooting.expected import HARMLESS
from theodore_loader.sandbox.tier import available

WIDE = str.maketrans({"\uff4f": "o", "\uff53": "s"})

pytestmark = pytest.mark.skipif(not catalogue.all_cases(), reason="the catalogue is not beside this checkout")


def each(goal):
    return pytest.mark.parametrize("case", catalogue.of_goal(goal), ids=lambda case: case.name)


# archives


@each("artifact")
def test_a_wheel_that_fools_an_installer_is_refused_by_loader_and_check(shooting_range, case):
    at = shooting_range("wheel")
    wheel = components.archive_of(at, case)
    assert components.fools_an_installer(at, case, wheel)
    rule = components.refusal_of_the_reader(wheel)
    assert rule
    assert rule in components.findings_of_the_check(wheel)


# sources


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory):
    """What is said of the plugin itself, whatever it hides."""
    wheel = components.wheel_of_source(tmp_path_factory.mktemp("plugin"), b"X = 1\n", "ordinary")
    return components.findings_of_the_check(wheel)


@each("static")
def test_a_source_that_hides_what_it_does_is_found(shooting_range, case, ordinary):
    at = shooting_range("source")
    payload = components.module_of(case).payload(at.canary)
    assert at.token in run(payload, at.canary)
    if "unicode" in case.name:  # what it calls is harmless: another call shows whether the letters are seen through
        payload = payload.replace(b"getppid()", b"system('true')")
        plain = payload.decode().translate(WIDE).encode()
        ordinary = ordinary - components.findings_of_the_check(components.wheel_of_source(at.folder, plain, "plain"))
    found = components.findings_of_the_check(components.wheel_of_source(at.folder, payload, "hidden")) - ordinary
    assert bool(found) == (case.name not in HARMLESS), found


def run(payload, canary):
    """Return what the hidden code answers where nothing holds it."""
    names = {"__builtins__": __builtins__, "__name__": "hidden"}
    exec(payload, names)
    return names["go"](canary)


# addresses


async def fetch(workers, at, url, grants):
    """Have a plugin with these grants open a URL with urllib, and return the worker's answer."""
    (at.folder / "plugin" / "case.py").write_text(
        "import urllib.request\n"
        "def attempt(canary):\n"
        f"    with urllib.request.urlopen({url!r}, timeout=30) as answer:\n"
        "        return answer.read().decode()\n"
    )
    case = components.own_case(at, "connect")
    return await workers.shoot(at, case, available().tier, grants=grants)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", catalogue.named("broker_file_scheme"), ids=lambda case: case.name)
async def test_a_file_is_no_address(shooting_range, workers, case):
    at = shooting_range("broker")
    url = components.module_of(case).attempt(at.canary).removeprefix("URL ")
    assert at.token in await asyncio.to_thread(opened, url.partition("#")[0])
    shot = await fetch(workers, at, url, ("network api.allowed.test:443",))
    assert at.token not in shot.output
    assert shot.refusal == "audit hook"


def opened(url):
    import urllib.request

    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("first", ["203.0.113.1", "127.0.0.1"])
@pytest.mark.parametrize("case", catalogue.named("broker_dns_rebinding"), ids=lambda case: case.name)
async def test_a_name_is_resolved_once(shooting_range, workers, case, first, monkeypatch):
    """The name server is the attacker's: it answers the check with one address, the connection with loopback."""
    at = shooting_range("broker")
    url = components.module_of(case).attempt(at.canary).removeprefix("URL ")
    asked = []

    def rebinding(host, port, *arguments, **options):
        if host != "rebind.allowed.test":
            return real(host, port, *arguments, **options)
        asked.append(host)
        address = first if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    socket.getaddrinfo("rebind.allowed.test", at.canary["port"])  # a host that checks, and then connects to the name
    with socket.create_connection(("rebind.allowed.test", at.canary["port"])) as connection:
        connection.sendall(at.token.encode())
    assert at.arrived()
    at.listeners[0].received.clear()
    asked.clear()
    shot = await fetch(workers, at, url, (f"network rebind.allowed.test:{at.canary['port']}",))
    assert not shot.escaped, shot.output
    assert shot.refusal == "broker"
    assert len(asked) == 1


# results


@pytest.mark.kernel
@pytest.mark.asyncio(loop_scope="module")
@each("result")
async def test_a_result_is_data_and_holds_nobody_up(shooting_range, workers, case, monkeypatch):
    assert fools_a_careless_host(shooting_range("control"), case)
    at = shooting_range("host")
    monkeypatch.setattr(sys, "argv", ["host_sim.py"])
    monkeypatch.setenv("THEODORE_API_KEY", "x")
    late = asyncio.create_task(longest_pause())
    shot = await workers.shoot(at, case, available().tier, function="attempt")
    late.cancel()
    assert shot.attempted
    assert not at.exists("write_path")
    assert not at.holds_token("write_path")
    assert max(pauses, default=0.0) < 5.0, pauses  # none was measured where it was over at once


pauses: list[float] = []


async def longest_pause():
    """Note how long the host's loop was occupied, in processor time: a busy machine keeps everybody waiting."""
    pauses.clear()
    while True:
        before = time.thread_time()
        await asyncio.sleep(0.02)
        pauses.append(time.thread_time() - before)


CARELESS = """
import importlib.util, os, pickle, socket, sys, threading, time
sys.path.insert(0, sys.argv[2])
sys.argv[0] = "host_sim.py"
canary = {"write_path": sys.argv[3]}
if "length" in sys.argv[1]:
    ours, theirs = socket.socketpair()
    canary["ctrl_fd"] = theirs.fileno()
    import case
    threading.Thread(target=case.attempt, args=(canary,), daemon=True).start()
    size = int.from_bytes(ours.recv(4, socket.MSG_WAITALL), "big")
    reader = threading.Thread(target=ours.recv, args=(size, socket.MSG_WAITALL), daemon=True)
    reader.start()
    reader.join(1)
    os.write(1, b"FOOLED" if reader.is_alive() else b"")
    os._exit(0)
child = os.fork()
if child == 0:
    sys._poc_child = True
    import case
    with open(sys.argv[3] + ".pickle", "wb") as file:
        pickle.dump(case.attempt(canary), file)
    os._exit(0)
os.waitpid(child, 0)
started = time.perf_counter()
with open(sys.argv[3] + ".pickle", "rb") as file:
    value = pickle.load(file)
try:
    f"{value}"
except ValueError:
    os.write(1, b"FOOLED")
if time.perf_counter() - started > 0.5 or os.path.exists(sys.argv[3]):
    os.write(1, b"FOOLED")
"""


def fools_a_careless_host(at, case) -> bool:
    """Say whether the case reaches a host that reads without a limit, unpickles and prints what it gets."""
    at.load(case.module)
    arguments = [case.name, str(at.folder / "plugin"), at.canary["write_path"]]
    environment = {**os.environ, "THEODORE_API_KEY": "x"}
    command = [sys.executable, "-c", CARELESS, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, env=environment, timeout=300)
    return b"FOOLED" in done.stdout


# processes


@pytest.mark.kernel
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", catalogue.named("fork_memory"), ids=lambda case: case.name)
async def test_nothing_of_the_hosts_memory_is_in_a_worker(shooting_range, workers, case, monkeypatch):
    at = shooting_range("memory")
    monkeypatch.setattr(sys.modules["__main__"], "SECRET", at.token, raising=False)
    assert in_a_fork(lambda: components.module_of(case).attempt({})) == at.token
    shot = await workers.shoot(at, case, available().tier)
    assert shot.attempted
    assert at.token not in shot.output


def in_a_fork(act):
    """Return what ``act`` says in a fork of this process, which no host may do."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(theirs, act().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        return answer.read()


def customises(at):
    """Say whether an interpreter that is pointed at the plugin's folder runs what lies there; leave no evidence."""
    subprocess.run([sys.executable, "-c", ""], check=True, env={"PYTHONPATH": str(at.folder / "plugin")})
    evidence = Path(at.canary["exfiltrated"])
    worked = at.token in evidence.read_text()
    evidence.unlink()
    return worked


@pytest.mark.kernel
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", catalogue.named("sitecustomize_shadow"), ids=lambda case: case.name)
async def test_a_plugins_folder_does_not_customise_the_interpreter(shooting_range, workers, case):
    at = shooting_range("startup")
    text = components.module_of(case).FILES["sitecustomize.py"]
    text = text.replace("@WORK@", at.canary["workdir"]).replace("@SECRET_PATH@", at.canary["secret_path"])
    (at.folder / "plugin" / "sitecustomize.py").write_text(text)
    assert customises(at)
    shot = await workers.shoot(at, case, available().tier)
    assert shot.attempted
    assert not shot.escaped


@pytest.mark.kernel
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", catalogue.named("perf_trampoline_map"), ids=lambda case: case.name)
async def test_no_map_for_a_profiler_is_written(shooting_range, workers, case):
    def maps():
        return set(Path("/tmp").glob("perf-*.map"))

    before = maps()
    control = shooting_range("control").shoot((), case)
    made = maps() - before
    for path in made:
        path.unlink()
    if not made:
        pytest.skip(f"this interpreter writes none: {control.output[-200:]}")
    shot = await workers.shoot(shooting_range("worker"), case, available().tier)
    assert shot.attempted
    assert maps() == before


def test_pickle_is_nowhere_in_the_loader():
    import theodore_loader

    root = Path(next(iter(theodore_loader.__path__)))
    texts = {path: path.read_text() for path in root.rglob("*.py")}
    guilty = [path for path, text in texts.items() if f"import {pickle.__name__}" in text]
    assert guilty == []
