"""Exchanging a plugin in a running host."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from eventually import eventually
from msgspec import structs

from theodore_loader.errors import ConfigurationProblem, Refused, WorkerCrashed
from theodore_loader.host import PluginHost
from theodore_loader.trust.terms import PinnedSigner
from theodore_loader.upgrade import refuse_other_terms
from theodore_sdk import PermissionType, PluginCategory, PluginPermission, ScrapingRequest

KEEPS = PluginPermission(PermissionType.FILE_SYSTEM, "keeps its state", "rw:{data}/**")
CACHES = PluginPermission(PermissionType.FILE_SYSTEM, "keeps what it fetched", "rw:{cache}/**")


@pytest.fixture
def host_of(tmp_path, tier, trusting):
    def make(*wheels, **options):
        return PluginHost(home=tmp_path / "home", trust=trusting(*wheels), minimum_tier=tier, **options)

    return make


async def test_no_call_is_lost_over_several_reloads_under_load(build, host_of):
    versions = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]
    wheels = [
        build(version=version, scraping=f"return ScrapingResult('', '{version}', 200, True)") for version in versions
    ]
    async with host_of(*wheels) as host:
        plugin = await host.load(wheels[0].path)
        answers, stop = [], asyncio.Event()

        async def load():
            while not stop.is_set():
                answers.append((await plugin.scrape_content(ScrapingRequest(url=""))).content)

        callers = [asyncio.create_task(load()) for _ in range(8)]
        for wheel in wheels[1:]:
            await eventually(lambda: host.plugins()[0].version in answers)
            receipt = await host.reload("demo-plugin", wheel.path)
            assert receipt.version == host.plugins()[0].version == plugin.get_plugin_info().version
        await eventually(lambda: versions[-1] in answers)
        stop.set()
        await asyncio.gather(*callers)
        assert set(answers) == set(versions)
        assert host.receipt("demo-plugin").verification[0].startswith("1 read")


async def test_what_was_installed_since_is_loaded_by_name_with_the_same_configuration(build, host_of):
    old, new = build(), build(version="1.1.0")
    async with host_of(old, new) as host:
        await host.install(old.path)
        plugin = await host.load("demo-plugin", {"greeting": "hi"})
        await host.install(new.path)
        assert (await host.reload("demo-plugin")).version == "1.1.0"
        assert (await plugin.scrape_content(ScrapingRequest(url=""))).content == "hi 30.0"


async def test_a_new_version_that_is_refused_leaves_the_old_one(build, host_of):
    old = build()
    greedy = build(version="1.2.0", permissions=(KEEPS, CACHES))
    breaking = build(version="1.3.0", configuration_schema={"type": "object", "required": ["key"]})
    older = build(version="0.9.0")
    other = build("other-plugin")
    async with host_of(old, greedy, breaking, older, other) as host:
        plugin = await host.load(old.path)
        before = host.plugins()[0]
        refusals = {
            greedy.path: (Refused, r"also asks for filesystem rw:\{cache\}/\*\*"),
            older.path: (Refused, "0.9.0 is older than 1.0.0"),
            breaking.path: (ConfigurationProblem, "key"),
            other.path: (ConfigurationProblem, "the wheel is of other-plugin"),
            build(version="2.0.0").path: (Refused, "nobody this host believes has published"),
        }
        for path, (kind, reason) in refusals.items():
            with pytest.raises(kind, match=reason):
                await host.reload("demo-plugin", path)
        with pytest.raises(ConfigurationProblem, match="not loaded"):
            await host.reload("nothing", old.path)
        assert (await plugin.health_check()).is_healthy
        assert host.plugins()[0].pid == before.pid
        assert host.plugins()[0].version == "1.0.0"


async def test_a_new_version_that_fails_to_start_leaves_the_old_one_and_says_why(build, host_of):
    old = build()
    events = []
    broken = build(version="1.1.0", scraping="return")
    async with host_of(old, broken, on_event=events.append) as host:
        plugin = await host.load(old.path)
        data = host._home / "plugins" / "demo-plugin" / "data"
        (data / "sick").touch()
        with pytest.raises(WorkerCrashed, match="not healthy: sick"):
            await host.reload("demo-plugin", broken.path)
        (data / "sick").unlink()
        assert (await plugin.health_check()).is_healthy
        assert host.plugins()[0].version == "1.0.0"
        assert "not healthy" in next(event.detail for event in events if event.kind == "kept")


async def test_two_reloads_at_once_end_with_the_newer_one(build, host_of):
    wheels = [build(version=version) for version in ("1.0.0", "1.1.0", "1.2.0")]
    async with host_of(*wheels) as host:
        plugin = await host.load(wheels[0].path)
        await asyncio.gather(
            host.reload("demo-plugin", wheels[2].path),
            host.reload("demo-plugin", wheels[1].path),
            return_exceptions=True,
        )
        assert host.plugins()[0].version == "1.2.0"
        assert (await plugin.health_check()).is_healthy


async def test_unloading_ends_a_reload(build, host_of):
    old, new = build(), build(version="1.1.0")
    async with host_of(old, new) as host:
        await host.load(old.path)
        reloading = asyncio.create_task(host.reload("demo-plugin", new.path))
        await asyncio.sleep(0.03)
        await host.unload("demo-plugin")
        await asyncio.gather(reloading, return_exceptions=True)
        assert not list((host._home / "tmp").glob("*/*"))


ALICE = PinnedSigner("ours", "a" * 64, ("b" * 64,), "https://issuer.example", "alice@example.com")


@pytest.fixture
def prepared(build, host_of):
    """Return a function that describes a verified plugin."""
    wheel = build()
    found = host_of(wheel)._preparation.prepare(wheel.path)

    def make(agreed=False, **changes):
        return replace(found, terms=structs.replace(found.terms, **{"publisher": ALICE, **changes}), agreed=agreed)

    return make


@pytest.mark.parametrize(
    ("change", "rule", "reason"),
    [
        (
            {"publisher": structs.replace(ALICE, identity="mallory@example.com")},
            "signer-changed",
            "mallory@example.com .* alice@example.com",
        ),
        ({"publisher": None}, "signer-changed", "accepted unsigned by its digest"),
        ({"version": "0.9.9"}, "version-went-back", "is older"),
        ({"category": PluginCategory.EXPORTER}, "upgrade-needs-consent", "exporter"),
    ],
    ids=["identity", "unsigned", "older", "category"],
)
def test_other_terms_need_consent(prepared, change, rule, reason):
    with pytest.raises(Refused, match=reason) as refusal:
        refuse_other_terms(prepared(), prepared(**change))
    assert refusal.value.rule == rule
    refuse_other_terms(prepared(), prepared(agreed=True, **change))


def test_nothing_new_needs_no_consent_and_every_difference_is_named(prepared):
    refuse_other_terms(prepared(), prepared(version="1.0.1"))
    with pytest.raises(Refused, match=r"unsigned.*older"):
        refuse_other_terms(prepared(), prepared(publisher=None, version="0.1"))
