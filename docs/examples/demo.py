"""The main job end to end: check, package, sign, verify, load; then attacks, each refused with its reason.

Run it with ``make demo``. Everything happens in ``.demo/`` (or the folder given as argument, which is emptied first)
and on loopback; nothing of your own is touched.
The commands are the ones a plugin author types, run as processes; loading goes through the loader's API, as
a host does it. The demonstration fails (exit 1) if anything that should be refused gets through.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from theodore_loader.errors import LoaderError
from theodore_loader.host import PluginHost
from theodore_loader.policy import load_policy
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.trust.trust_file import TrustFile
from theodore_sdk import ScraperPlugin, ScrapingRequest, TransformerPlugin, TransformRequest
from theodore_sdk.errors import PluginPermissionError

EXAMPLES = Path(__file__).parent
WORK = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else EXAMPLES.parents[1] / ".demo"
HOME = WORK / "home"
DEMO_POLICY = EXAMPLES / "demo-policy.yaml"
PROBE_POLICY = EXAMPLES / "probe-policy.yaml"
ADVISORIES = EXAMPLES / "advisories.jsonl"

MORE = """\
                PluginPermission(
                    PermissionType.NETWORK,
                    "Also reads pages of the archive.",
                    pattern="archive.example.com:443",
                ),
"""

console = Console(highlight=False, markup=False, soft_wrap=True)


@dataclass(slots=True)
class Story:
    """What happened so far: how long each chapter took, and every promise that was not kept."""

    seconds: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """Print a heading and time what follows."""
        console.rule(Text(title, style="bold"), align="left")
        started = time.perf_counter()
        yield
        self.seconds[title] = time.perf_counter() - started
        console.print(f"  ({self.seconds[title]:.1f} s)\n", style="dim")

    def expect(self, condition: bool, promise: str) -> None:
        """Say whether a promise was kept."""
        console.print(f"    {'held' if condition else 'BROKEN'}: {promise}", style="green" if condition else "bold red")
        if not condition:
            self.broken.append(promise)


def plugin_command(*arguments: str | Path) -> int:
    """Run ``theodore-plugin`` as its users do, show what it prints, and return its exit code."""
    shown = " ".join(str(argument).replace(f"{EXAMPLES.parents[1]}/", "") for argument in arguments)
    console.print(f"$ theodore-plugin {shown}", style="bold cyan")
    command = [sys.executable, "-m", "theodore_plugin", *map(str, arguments)]
    environment = {**os.environ, "THEODORE_PLUGIN_HOME": str(HOME)}
    sys.stdout.flush()
    return subprocess.run(command, env=environment, cwd=WORK, check=False).returncode


def main() -> int:
    """Tell the story; return 0 only if every promise was kept."""
    story = Story()
    shutil.rmtree(WORK, ignore_errors=True)
    HOME.mkdir(parents=True, mode=0o700)
    os.environ["THEODORE_PLUGIN_HOME"] = str(HOME)
    tier = choose_tier()
    build(story, "webpage-scraper", DEMO_POLICY)
    with story.chapter("Scrape real pages through the worker"):
        asyncio.run(scrape(story, tier))
    with story.chapter("Attack 1: a permission nobody declared, at check"):
        undeclared_permission(story)
    with story.chapter("Attack 2: one flipped byte in the wheel, at verify"):
        flipped_byte(story)
    with story.chapter("Attack 3: an upgrade that asks for more, at install"):
        greedy_upgrade(story)
    build(story, "sandbox-probe", PROBE_POLICY)
    with story.chapter("Attack 4: acts outside the grants, at run time"):
        asyncio.run(acts_outside_the_grants(story, tier))
    with story.chapter("Revoked: what was installed is not loaded any more"):
        asyncio.run(revoked(story, tier))
    return conclude(story)


def choose_tier() -> Tier:
    """Reach for the standard tier; where the kernel cannot, choose the weaker one in plain sight."""
    machine = available()
    console.print(f"Sandbox tier this machine reaches: {machine.tier.name.lower()}", style="bold")
    if machine.tier >= Tier.STANDARD:
        return Tier.STANDARD
    for reason in machine.reasons:
        console.print(f"  {reason}", style="yellow")
    console.print(
        "  Loading would be refused here. The demonstration goes on with the weaker tier, on purpose:", style="yellow"
    )
    console.print(
        "  the audit hook and the broker still answer, but code that goes around Python is not held.\n", style="yellow"
    )
    return machine.tier


def build(story: Story, name: str, policy: Path) -> None:
    """Take one example from source to an installed plugin, by the commands its author would type."""
    project = WORK / name
    shutil.copytree(EXAMPLES / name, project, ignore=shutil.ignore_patterns("dist", "__pycache__", ".*_cache"))
    wheel = WORK / "dist" / f"{name.replace('-', '_')}-1.0.0-py3-none-any.whl"
    checks = ("--policy", policy, "--advisories", ADVISORIES)
    steps: Sequence[tuple[str, Sequence[str | Path]]] = (
        ("check", ("check", project, *checks)),
        ("package", ("package", project, "--output-dir", wheel.parent, *checks)),
        ("trust", ("trust", "init", "--policy", policy)),
        ("sign", ("sign", wheel, *checks)),
        ("verify", ("verify", wheel, "--policy", policy)),
        ("install", ("install", wheel, "--policy", policy)),
    )
    for step, arguments in steps:
        with story.chapter(f"{step.capitalize()} {name}"):
            if plugin_command(*arguments) != 0:
                raise SystemExit(f"{step} of {name} failed; nothing after it can be shown")


def host(policy: Path, tier: Tier) -> PluginHost:
    """Return a host as Theodore would embed it."""
    return PluginHost(home=HOME, policy=load_policy(policy), minimum_tier=tier)


async def scrape(story: Story, tier: Tier) -> None:
    """Serve the pages on loopback and read them through the confined worker."""
    with pages() as port:
        async with host(DEMO_POLICY, tier) as plugins:
            started = time.perf_counter()
            scraper = await plugins.load(
                "webpage-scraper", {"max_retries": 2, "backoff_seconds": 0.1}, base=ScraperPlugin
            )
            console.print(f"  loaded in {(time.perf_counter() - started) * 1000:.0f} ms")
            show_receipt(plugins.receipt("webpage-scraper"))
            for page in ("index.html", "products.html", "team.html"):
                started = time.perf_counter()
                result = await scraper.scrape_content(ScrapingRequest(url=f"http://localhost:{port}/{page}"))
                elapsed = (time.perf_counter() - started) * 1000
                console.print(
                    f"\n  {result.url}  {result.status_code}  {elapsed:.1f} ms  “{result.title}”", style="bold"
                )
                console.print("\n".join(f"    {line}" for line in result.content.splitlines()))
                story.expect(
                    result.success and "script" not in result.content, f"{page} was read and reduced to its text"
                )
            show_access_log(plugins, "webpage-scraper")


def undeclared_permission(story: Story) -> None:
    """Add one line to the plugin that its metadata does not mention."""
    project = WORK / "webpage-scraper-undeclared"
    shutil.copytree(WORK / "webpage-scraper", project)
    source = project / "src/webpage_scraper/extract.py"
    source.write_text(source.read_text() + "\n\ndef host_name() -> str:\n    return open('/etc/hostname').read()\n")
    code = plugin_command("check", project, "--policy", DEMO_POLICY, "--advisories", ADVISORIES)
    story.expect(code == 1, "check fails with exit code 1 and names the line")


def flipped_byte(story: Story) -> None:
    """Change one bit of the signed wheel."""
    original = WORK / "dist/webpage_scraper-1.0.0-py3-none-any.whl"
    tampered = WORK / "tampered" / original.name
    shutil.copytree(original.parent, tampered.parent)
    data = bytearray(tampered.read_bytes())
    data[len(data) // 2] ^= 1
    tampered.write_bytes(data)
    code = plugin_command("verify", tampered, "--policy", DEMO_POLICY)
    story.expect(code == 5, "verify refuses with exit code 5 and names the rule")


def greedy_upgrade(story: Story) -> None:
    """Release 1.1.0 by the same signer, properly checked and signed, that may also reach another host."""
    project = WORK / "webpage-scraper-greedy"
    shutil.copytree(WORK / "webpage-scraper", project)
    for path in (project / "pyproject.toml", project / "src/webpage_scraper/plugin.py"):
        path.write_text(path.read_text().replace('version="1.0.0"', 'version="1.1.0"').replace('"1.0.0"', '"1.1.0"'))
    source = project / "src/webpage_scraper/plugin.py"
    source.write_text(source.read_text().replace("            permissions=[\n", f"            permissions=[\n{MORE}"))
    wheel = WORK / "dist/webpage_scraper-1.1.0-py3-none-any.whl"
    checks = ("--policy", DEMO_POLICY, "--advisories", ADVISORIES)
    made = plugin_command("package", project, "--output-dir", wheel.parent, *checks) == 0
    made = made and plugin_command("sign", wheel, *checks) == 0
    story.expect(made, "the upgrade was checked and signed like any other")
    story.expect(
        plugin_command("install", wheel, "--policy", DEMO_POLICY) == 5,
        "install shows what it would do more, and refuses until somebody agrees to exactly this wheel",
    )
    plugin_command("why", "webpage-scraper")


async def revoked(story: Story, tier: Tier) -> None:
    """Put the installed wheel on a signed revocation list, and load it again."""
    wheel, signed = WORK / "dist/webpage_scraper-1.0.0-py3-none-any.whl", WORK / "lists/security.sigstore.json"
    signed.parent.mkdir()
    signer = TrustFile.load().publishers[0].signer
    whose = ("--root", signer.root, "--issuer", signer.issuer, "--identity", signer.identity)
    plugin_command("trust", "add-revoker", "--id", "security", *whose)
    about = ("--wheel", wheel, "--reason", "the demonstration says so", "--url", "https://example.com/advisory/1")
    plugin_command("revocations", "add", signed, "--revoker", "security", *about)
    plugin_command("revocations", "update", signed)
    async with host(DEMO_POLICY, tier) as plugins:
        refusal = await refusal_of(plugins.load("webpage-scraper", base=ScraperPlugin))
        story.expect(refusal is not None and "revokes it" in refusal, f"loading was refused: {refusal}")


async def acts_outside_the_grants(story: Story, tier: Tier) -> None:
    """Try three acts, through Python and around it; outside the sandbox each works, inside none may."""
    secret = WORK / "secret.txt"
    secret.write_text("the crown jewels\n")
    with pages() as port:
        acts = [(act, via) for act in ("connect", "read", "spawn") for via in ("python", "ctypes")]
        targets = {"connect": f"127.0.0.1:{port}", "read": str(secret), "spawn": "true"}
        async with host(PROBE_POLICY, tier) as plugins:
            probe = await plugins.load("sandbox-probe", base=TransformerPlugin)
            for act, via in acts:
                console.print(f"  {act} via {via}", style="bold")
                story.expect(works_unconfined(act, via, targets[act]), "outside the sandbox it works")
                request = TransformRequest(records=(), options={"act": act, "via": via, "target": targets[act]})
                refusal = await refusal_of(probe.transform(request))
                if via == "ctypes" and tier < Tier.STANDARD:
                    console.print(f"    not promised at this tier: {refusal or 'it got through'}", style="yellow")
                    continue
                story.expect(refusal is not None, f"inside it was refused: {refusal}")
            show_access_log(plugins, "sandbox-probe")


def works_unconfined(act: str, via: str, target: str) -> bool:
    """Try the probe's act in a plain process: proof that a refusal is the sandbox's doing."""
    module = "unseen" if via == "ctypes" else "ordinary"
    code = f"import sys; from sandbox_probe.{module} import {act}; {act}(sys.argv[1])"
    command = [sys.executable, "-c", code, target]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES / "sandbox-probe" / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=environment, check=False, timeout=30).returncode == 0


async def refusal_of(call: Awaitable[Any]) -> str | None:
    """Return why the call was refused, or ``None`` if it went through."""
    try:
        await call
    except (PluginPermissionError, LoaderError) as refusal:
        return f"{refusal}"
    return None


def show_receipt(receipt: Any) -> None:
    """Print what the load receipt says of the layers."""
    console.print(f"  tier {receipt.tier.name.lower()}")
    for layer in receipt.layers:
        console.print(f"    {'on ' if layer.active else 'OFF'} {layer.name}: {layer.detail}")


def show_access_log(plugins: PluginHost, name: str) -> None:
    """Print the access log: what was granted and what was denied."""
    console.print("\n  access log", style="bold")
    for record in plugins.accesses_since_load(name):
        mark, style = ("granted", "green") if record["decision"] == "allow" else ("denied ", "red")
        seen = f"{record['source']}, {record['location']}" if record.get("location") else record["source"]
        console.print(f"    {mark} {record['permission']:<18} {record['resource']}  ({seen})", style=style)


@contextmanager
def pages() -> Iterator[int]:
    """Serve ``docs/examples/pages`` on a free loopback port."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(EXAMPLES / "pages")))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def conclude(story: Story) -> int:
    """Sum up: timings, and whether every promise held."""
    console.rule(Text("Timings", style="bold"), align="left")
    for title, seconds in story.seconds.items():
        console.print(f"  {seconds:6.1f} s  {title}")
    console.print(f"  {sum(story.seconds.values()):6.1f} s  in all\n")
    if story.broken:
        console.print("Not every promise held:", style="bold red")
        for promise in story.broken:
            console.print(f"  {promise}", style="red")
        return 1
    console.print("Every promise held.", style="bold green")
    return 0


if __name__ == "__main__":
    sys.exit(main())
