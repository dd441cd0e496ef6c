"""Plugins in the tier isolated: the same plugin code, in a root of its own."""

from __future__ import annotations

import asyncio
import json

import pytest

from theodore_loader.sandbox.tier import Tier, available

OFFER = available(Tier.ISOLATED)
pytestmark = pytest.mark.skipif(OFFER.tier < Tier.ISOLATED, reason="; ".join(OFFER.reasons) or "no namespaces")

BODY = """
import json, shutil, sqlite3
secret, data, tmp = request.url.split()
def answer(act):
    try: return str(act())
    except Exception as refusal: return type(refusal).__name__
os.chdir(data)
with sqlite3.connect(data + "/notes.db") as notes: notes.execute("create table if not exists note (text)")
shutil.copy(data + "/given", data + "/copied")
def flood():
    made = 0
    while made < 100_000:
        with open(f"{tmp}/{made}", "wb") as file: file.write(bytes(65536))
        made += 1
    return made
return say(json.dumps({
    "oracle": [answer(lambda: os.stat(path).st_size) for path in (secret, secret + "x", "/etc/passwd")],
    "copied": oct(os.stat(data + "/copied").st_mode & 0o777),
    "flood": answer(flood),
    "host": os.uname().nodename,
}))
"""


async def test_a_plugin_finds_its_own_and_nothing_else(start, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("12345")
    running = await start(BODY, grants=("filesystem rw:{data}/**",), minimum_tier=Tier.ISOLATED)
    own = running.worker.plan.folders
    (own["data"] / "given").write_text("x")
    (own["data"] / "given").chmod(0o640)
    found = json.loads(await running.scrape(f"{secret} {own['data']} {own['tmp']}"))
    assert found["oracle"] == ["FileNotFoundError"] * 3
    assert found["copied"] == "0o640"
    assert found["flood"] == "OSError"
    assert found["host"] == "worker"
    assert list(own["tmp"].iterdir()) == []
    assert (own["data"] / "notes.db").exists()


async def test_the_receipt_says_how_it_is_held(start):
    running = await start("return say('x')", minimum_tier=Tier.ISOLATED)
    receipt = running.worker.receipt
    assert receipt.tier is Tier.ISOLATED
    assert "namespaces" in [layer.name for layer in receipt.layers if layer.active]
    assert any(canary.detail == "namespaces: ENOENT" for canary in receipt.canaries)
    assert await running.scrape() == "x"


async def test_the_network_of_the_broker_reaches_into_an_empty_network_namespace(start):
    async def greet(_reader, writer):
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        running = await start(
            f"""
            reader, writer = await asyncio.open_connection("127.0.0.1", {port})
            text = await reader.read()
            writer.close()
            return say(text.decode())
            """,
            grants=(f"network 127.0.0.1:{port}",),
            minimum_tier=Tier.ISOLATED,
        )
        assert await running.scrape() == "hello"


async def test_a_granted_program_runs_in_the_same_root_and_may_set_modes(start):
    running = await start(
        """
        import subprocess
        data = request.url
        subprocess.run(["chmod", "600", data + "/given"], check=True)
        seen = subprocess.run(["ls", "/", data], capture_output=True, text=True)
        return say(oct(os.stat(data + "/given").st_mode & 0o777) + " " + str("given" in seen.stdout))
        """,
        grants=("filesystem rw:{data}/**", "subprocess chmod", "subprocess ls"),
        limits={"max_subprocess_count": 2},
        minimum_tier=Tier.ISOLATED,
    )
    own = running.worker.plan.folders["data"]
    (own / "given").write_text("x")
    assert await running.scrape(str(own)) == "0o600 True"
    assert not any("metadata" in line or "modes" in line for line in running.worker.receipt.not_enforced)
