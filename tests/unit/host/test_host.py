"""Loading a plugin the way an application does."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
from eventually import eventually

from theodore_loader.errors import (
    ConfigurationProblem,
    LimitExceeded,
    LoaderError,
    Quarantined,
    Refused,
    TierUnavailable,
    WorkerCrashed,
)
from theodore_loader.host import PluginHost
from theodore_loader.policy import load_policy
from theodore_loader.sandbox.tier import Availability, Tier
from theodore_loader.supervise import plugin_log
from theodore_loader.supervise.control import hosts
from theodore_loader.supervise.status import EventKind
from theodore_loader.trust.decisions.history import newest_first
from theodore_sdk import (
    ExporterPlugin,
    PermissionType,
    PluginCategory,
    PluginPermission,
    PluginPermissionError,
    RateLimit,
    ScraperPlugin,
    ScrapingRequest,
)


@pytest.fixture
def host_of(tmp_path, tier, trusting):
    def make(*wheels, **options):
        options.setdefault("minimum_tier", tier)
        return PluginHost(home=tmp_path / "home", trust=trusting(*wheels), **options)

    return make


async def test_a_plugin_is_used_like_any_object_of_its_category(build, host_of):
    wheel = build()
    async with host_of(wheel) as host:
        plugin = await host.load(wheel.path, {"greeting": "hi"})
        assert isinstance(plugin, ScraperPlugin)
        assert plugin.category is PluginCategory.SCRAPER
        assert plugin.get_plugin_info().name == "demo-plugin"
        result = await plugin.scrape_content(ScrapingRequest(url="https://example.com", timeout_seconds=1.5))
        assert (result.url, result.content) == ("https://example.com", "hi 1.5")
        assert await plugin.get_rate_limits() == RateLimit(2.5, 7)
        assert repr(plugin) == "<plugin demo-plugin 1.0.0 (ScraperPluginProxy)>"


async def test_a_plugin_of_another_category_than_asked_for_is_not_started(build, host_of):
    wheel = build()
    async with host_of(wheel) as host:
        with pytest.raises(
            ConfigurationProblem, match="demo-plugin is a ScraperPlugin, and ExporterPlugin is asked for"
        ):
            await host.load(wheel.path, base=ExporterPlugin)
        assert isinstance(await host.load(wheel.path, base=ScraperPlugin), ScraperPlugin)


async def test_installed_plugins_are_loaded_by_name_by_another_host(build, host_of):
    wheel = build()
    installed = await host_of(wheel).install(wheel.path)
    assert (installed.name, installed.sha256) == ("demo-plugin", wheel.sha256)
    wheel.path.unlink()
    async with host_of(wheel) as host:
        plugin = await host.load("demo-plugin")
        assert (await plugin.health_check()).message == "fine"


async def test_defaults_of_the_schema_are_filled_in_and_bad_values_are_refused(build, host_of):
    wheel = build()
    async with host_of(wheel, config_for={"demo-plugin": {"retries": 3}}) as host:
        plugin = await host.load(wheel.path)
        assert (await plugin.scrape_content(ScrapingRequest(url=""))).content == "hello 30.0"
    async with host_of(wheel) as host:
        with pytest.raises(ConfigurationProblem, match="retries"):
            await host.load(wheel.path, {"retries": "many", "unknown": 1})


async def test_a_wheel_nobody_vouches_for_is_refused(build, host_of):
    wheel, other = build(), build("other-plugin")
    async with host_of(other) as host:
        with pytest.raises(Refused):
            await host.load(wheel.path)
        with pytest.raises(Refused):
            await host.install(wheel.path)
        with pytest.raises(ConfigurationProblem, match="installed: none"):
            await host.load("demo-plugin")


async def test_a_flipped_byte_in_the_store_is_noticed_at_load(build, host_of, tmp_path):
    wheel = build()
    async with host_of(wheel) as host:
        await host.install(wheel.path)
        (stored,) = (tmp_path / "home" / "store").glob("*/tree/demo_plugin/plugin.py")
        stored.chmod(0o644)
        stored.write_text(stored.read_text() + "\nimport os")
        with pytest.raises(Refused, match=r"changed|differ|record|not what"):
            await host.load("demo-plugin")


async def test_a_revoked_exception_stops_the_next_load(build, host_of):
    wheel = build()
    await host_of(wheel).install(wheel.path)
    async with host_of() as host:
        with pytest.raises(Refused):
            await host.load("demo-plugin")


async def test_a_required_permission_the_policy_denies_is_refused(build, host_of):
    wheel = build(permissions=(PluginPermission(PermissionType.SUBPROCESS, "runs a tool", "curl"),))
    async with host_of(wheel) as host:
        with pytest.raises(Refused, match="curl"):
            await host.load(wheel.path)


async def test_a_denied_act_names_permission_resource_and_line(build, host_of):
    wheel = build()
    async with host_of(wheel) as host:
        plugin = await host.load(wheel.path)
        with pytest.raises(PluginPermissionError, match=r"/etc/passwd at demo_plugin/plugin.py:\d+"):
            await plugin.scrape_content(ScrapingRequest(url="peek"))
        denied = [entry for entry in host.accesses_since_load("demo-plugin") if entry["decision"] == "deny"]
    assert [entry["resource"] for entry in denied] == ["/etc/passwd"]


async def test_a_crash_fails_one_call_and_the_plugin_is_started_again(build, host_of):
    first, second = build(), build("other-plugin")
    events = []
    async with host_of(first, second, on_event=events.append) as host:
        plugin, other = await asyncio.gather(host.load(first.path), host.load(second.path))
        with pytest.raises(WorkerCrashed, match="status 3"):
            await plugin.scrape_content(ScrapingRequest(url="crash"))
        assert (await other.health_check()).is_healthy
        assert (await plugin.health_check()).is_healthy
        demo, beside = host.plugins()
        assert (demo.name, demo.state, demo.restarts, demo.marks) == ("demo-plugin", "ready", 1, ("unsigned",))
        assert (beside.restarts, beside.last_error) == (0, None)
        assert demo.pid == host.receipt("demo-plugin").pid != beside.pid
    crashed = [event for event in events if event.kind is EventKind.CRASHED]
    assert [event.plugin for event in crashed] == ["demo-plugin"]
    assert host.plugins() == ()


async def test_what_happens_to_plugins_is_logged_escaped(build, host_of, caplog):
    caplog.set_level("INFO")
    wheel = build(scraping=r"os.write(2, '\x1b[31m\nforged'.encode()); os._exit(3)")
    async with host_of(wheel) as host:
        plugin = await host.load(wheel.path)
        with pytest.raises(WorkerCrashed):
            await plugin.scrape_content(ScrapingRequest(url=""))
        assert (await plugin.health_check()).is_healthy
    crashed = [record for record in caplog.records if "crashed" in record.getMessage()]
    assert [record.levelname for record in crashed] == ["WARNING"]
    assert r"\x1b[31m | forged" in crashed[0].getMessage()
    assert "demo-plugin 1.0.0 stopped" in caplog.text


async def test_an_unsigned_exception_that_ran_out_stops_the_restart(build, trusting, tier, tmp_path):
    wheel = build()
    async with PluginHost(home=tmp_path / "home", trust=None, minimum_tier=tier) as host:
        (tmp_path / "home").mkdir(mode=0o700)
        accepted = trusting(wheel).path
        file = tmp_path / "home" / "trust.toml"
        file.write_bytes(accepted.read_bytes())
        file.chmod(0o600)
        plugin = await host.load(wheel.path)
        file.write_text("schema = 1\n")
        with pytest.raises(WorkerCrashed):
            await plugin.scrape_content(ScrapingRequest(url="crash"))
        with pytest.raises(Quarantined, match="quarantined: nobody this host believes"):
            await plugin.health_check()
        assert host.plugins()[0].state == "quarantined"
        file.write_bytes(accepted.read_bytes())
        await host.release("demo-plugin")
        assert (await plugin.health_check()).is_healthy


async def test_loading_twice_and_unloading_the_unknown_are_mistakes(build, host_of):
    wheel = build()
    async with host_of(wheel) as host:
        await host.load(wheel.path)
        with pytest.raises(ConfigurationProblem, match="loaded already"):
            await host.load(wheel.path)
        with pytest.raises(ConfigurationProblem, match="not loaded"):
            await host.unload("nothing")
        with pytest.raises(ConfigurationProblem, match="not loaded"):
            host.receipt("nothing")


async def test_two_loads_at_once_give_one_plugin(build, host_of):
    wheel = build()
    async with host_of(wheel) as host:
        results = await asyncio.gather(host.load(wheel.path), host.load(wheel.path), return_exceptions=True)
        assert sorted(isinstance(result, ConfigurationProblem) for result in results) == [False, True]


async def test_a_loaded_plugin_is_not_initialised_twice(build, host_of):
    wheel = build()
    async with host_of(wheel) as host:
        plugin = await host.load(wheel.path)
        with pytest.raises(ConfigurationProblem, match="initialised already"):
            await plugin.initialize(None, None)


async def _begun(host):
    async with asyncio.timeout(30):
        while not host._loading:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)


async def test_a_host_closed_during_a_load_keeps_no_worker(build, host_of):
    wheel = build()
    host = host_of(wheel)
    loading = asyncio.create_task(host.load(wheel.path))
    await _begun(host)
    await host.close()
    with pytest.raises(ConfigurationProblem, match="closed while"):
        await loading
    assert not host._loaded


def _leftovers(home):
    return [*home.glob("tmp/*/*")]


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
async def test_a_cancelled_load_keeps_no_worker(build, host_of, tmp_path, delay):
    wheel = build()
    async with host_of(wheel) as host:
        loading = asyncio.create_task(host.load(wheel.path))
        await _begun(host)
        await asyncio.sleep(delay)
        loading.cancel()
        outcome = (await asyncio.gather(loading, return_exceptions=True))[0]
        if isinstance(outcome, asyncio.CancelledError):  # on a quick machine the load may have been done already
            assert not _leftovers(tmp_path / "home")
            outcome = await host.load(wheel.path)
        assert (await outcome.health_check()).is_healthy


async def test_close_lets_plugins_clean_up_and_leaves_nothing_running(build, host_of, tmp_path):
    wheel = build()
    async with host_of(wheel) as host:
        await host.load(wheel.path)
        pid = host.receipt("demo-plugin").pid
    assert (tmp_path / "home" / "plugins" / "demo-plugin" / "data" / "cleaned").read_text() == "yes"
    assert not list((tmp_path / "home" / "tmp").iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_receipt_tells_tier_verification_and_what_is_not_enforced(build, host_of, tier):
    wheel = build()
    async with host_of(wheel) as host:
        await host.load(wheel.path)
        receipt = host.receipt("demo-plugin")
    assert receipt.tier == tier
    assert receipt.verification[0].startswith("1 read")
    assert "filesystem rw:{data}/**" in receipt.grants
    assert receipt.not_enforced


async def test_a_machine_that_offers_less_is_refused_before_anything_starts(build, host_of, tmp_path, monkeypatch):
    wheel = build()
    weak = Availability(0, False, True, Tier.BASIC, ("the kernel offers no Landlock",))
    monkeypatch.setattr("theodore_loader.workshop.available", lambda wanted: weak)
    async with host_of(wheel, minimum_tier=None) as host:
        with pytest.raises(TierUnavailable, match="no Landlock") as caught:
            await host.load(wheel.path)
        assert caught.value.help is not None
        assert "minimum_tier" in caught.value.help
    decided = [(one.purpose, one.outcome, one.rule, one.message) for one in newest_first(tmp_path / "home")]
    assert decided == [("load", "refused", "sandbox-tier-unavailable", caught.value.message)]


async def test_plugin_output_reaches_the_hosts_log_escaped(build, host_of, caplog):
    wheel = build()
    caplog.set_level("INFO")
    async with host_of(wheel) as host:
        plugin = await host.load(wheel.path)
        await plugin.scrape_content(ScrapingRequest(url="\x1b[31m\u202eevil"))
        await eventually(lambda: "evil" in caplog.text)
    assert r"demo-plugin stdout: scraping \x1b[31m\u202eevil" in caplog.text


async def test_the_name_of_a_plugins_logger_forges_no_record(build, host_of, caplog):
    wheel = build(scraping=r"import logging; logging.getLogger('a\nroot: all is well').warning('x')")
    caplog.set_level("INFO")
    async with host_of(wheel) as host:
        plugin = await host.load(wheel.path)
        await plugin.scrape_content(ScrapingRequest(url=""))
        await eventually(lambda: "all is well" in caplog.text)
    assert r"demo-plugin a\nroot: all is well: x" in caplog.text


async def test_a_tree_deeper_than_the_interpreter_recurses_is_removed_at_unload(build, host_of, tmp_path):
    steps = ["for _ in range(1500):", "    os.mkdir('d')", "    os.chdir('d')", "os.mkdir('locked', 0)"]
    digging = "\n        ".join(steps)
    wheel = build(scraping=digging)
    async with host_of(wheel) as host:
        plugin = await host.load(wheel.path)
        with suppress(LimitExceeded):  # the limit on folders inside each other looks at intervals
            await plugin.scrape_content(ScrapingRequest(url=""))
    assert list((tmp_path / "home" / "tmp").iterdir()) == []


@pytest.mark.parametrize("pattern", ["rw:{home}/**", "r:{home}/receipts/secret", "r:{above}/**", "r:{linked}/**"])
async def test_a_grant_that_reaches_the_hosts_own_state_is_refused(build, host_of, tmp_path, pattern):
    (tmp_path / "linked").symlink_to(tmp_path / "home")
    places = {"home": tmp_path / "home", "above": tmp_path, "linked": tmp_path / "linked"}
    reaching = PluginPermission(PermissionType.FILE_SYSTEM, "reads a lot", pattern.format(**places))
    wheel = build(permissions=(reaching,))
    async with host_of(wheel, policy=load_policy("development")) as host:
        for act in (host.install, host.load):
            with pytest.raises(Refused, match="where this host keeps whom it believes") as refusal:
                await act(wheel.path)
            assert refusal.value.rule == "policy-denied"


async def test_a_grant_beside_the_hosts_own_state_is_fine(build, host_of, tmp_path):
    beside = PluginPermission(PermissionType.FILE_SYSTEM, "reads a folder", f"r:{tmp_path}/home-of-others/**")
    (tmp_path / "home-of-others").mkdir()
    wheel = build(permissions=(beside, PluginPermission(PermissionType.FILE_SYSTEM, "state", "rw:{data}/**")))
    async with host_of(wheel, policy=load_policy("development")) as host:
        assert await host.load(wheel.path)


async def test_a_record_of_installed_plugins_that_leads_to_another_one_is_noticed(build, host_of, tmp_path):
    wheel, other = build(), build("other-plugin")
    async with host_of(wheel, other) as host:
        await host.install(wheel.path)
        await host.install(other.path)
        record = tmp_path / "home" / "installed.json"
        plugins = json.loads(record.read_bytes())
        plugins["plugins"]["demo-plugin"] = plugins["plugins"]["other-plugin"]
        record.write_text(json.dumps(plugins))
        with pytest.raises(ConfigurationProblem, match="the stored wheel is of other-plugin"):
            await host.load("demo-plugin")


async def test_state_that_another_user_could_change_is_refused(build, host_of, tmp_path):
    wheel = build()
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "runtime").mkdir()
    (tmp_path / "home" / "runtime").chmod(0o777)
    async with host_of(wheel) as host:
        with pytest.raises(ConfigurationProblem, match="can be written by other users"):
            await host.load(wheel.path)


@pytest.mark.parametrize("name", ["nothing.whl", "../../etc/passwd", "", "no such plugin"])
async def test_names_that_are_no_plugin_are_mistakes(host_of, name):
    async with host_of() as host:
        with pytest.raises(LoaderError):
            await host.load(name)


async def test_a_file_that_is_no_wheel_is_refused(host_of, tmp_path):
    path = tmp_path / "fake-1.0-py3-none-any.whl"
    path.write_bytes(b"not a zip")
    async with host_of() as host:
        with pytest.raises(LoaderError):
            await host.load(path)


async def test_a_damaged_record_of_installed_plugins_is_a_clear_mistake(build, host_of, tmp_path):
    wheel = build()
    host = host_of(wheel)
    await host.install(wheel.path)
    (tmp_path / "home" / "installed.json").write_text('{"plugins": {"demo-plugin": 5}}')
    with pytest.raises(ConfigurationProblem, match="is damaged"):
        await host.load("demo-plugin")


async def test_installing_at_once_from_two_hosts_loses_nothing(build, host_of, tmp_path):
    wheels = [build(f"plugin-{number}") for number in range(4)]
    hosts = [host_of(*wheels) for _ in wheels]
    await asyncio.gather(*(host.install(wheel.path) for host, wheel in zip(hosts, wheels, strict=True)))
    from theodore_loader.installed import Installed

    assert sorted(Installed(tmp_path / "home").all()) == [f"plugin-{number}" for number in range(4)]
    assert not [name for name in os.listdir(tmp_path / "home") if name.startswith(".installed")]


async def test_a_load_is_quick(build, host_of):
    """Not a benchmark: a guard against a load that waits for something by mistake."""
    wheel = build()
    async with host_of(wheel) as host:
        await host.install(wheel.path)
        async with asyncio.timeout(30):
            await host.load("demo-plugin")


async def test_a_bound_plugin_is_in_the_hosts_container_until_it_is_unloaded(build, host_of):
    container, wheel = {"scraper": "built in"}, build()
    async with host_of(wheel, container=container) as host:
        plugin = await host.load(wheel.path, bind="scraper")
        assert container["scraper"] is plugin
        await host.unload("demo-plugin")
        assert container["scraper"] == "built in"
        await host.load(wheel.path, bind="other")
        assert set(container) == {"scraper", "other"}
    assert container == {"scraper": "built in"}


async def test_a_name_that_leads_nowhere_keeps_no_worker(build, host_of):
    class Container:
        providers: ClassVar[dict[str, object]] = {}

        def set_provider(self, name: str, provider: object) -> None:
            raise AssertionError

    wheel = build()
    async with host_of(wheel, container=Container()) as host:
        with pytest.raises(ConfigurationProblem, match="no container inside"):
            await host.load(wheel.path, bind="storage.vectors")
        assert host.plugins() == ()


async def test_a_running_host_tells_what_it_runs_and_keeps_what_plugins_say(build, host_of, tmp_path):
    wheel = build()
    async with host_of(wheel) as host:
        plugin = await host.load(wheel.path)
        await plugin.scrape_content(ScrapingRequest(url="https://example.com/"))
        (answer,) = await asyncio.to_thread(lambda: list(hosts(host._home)))
        assert [(row["name"], row["state"]) for row in answer["plugins"]] == [("demo-plugin", "ready")]
        home = host._home
    said = [entry["text"] for entry in plugin_log.read(plugin_log.log_path(home / "logs", "demo-plugin"))]
    assert "scraping https://example.com/" in said
    assert list((home / "hosts").iterdir()) == []


async def test_a_home_relative_to_the_working_folder_is_the_same_home(build, trusting, tier, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wheel = build()
    async with PluginHost(home=Path("home"), trust=trusting(wheel), minimum_tier=tier) as host:
        await host.load(wheel.path)
    assert (tmp_path / "home/logs/demo-plugin.access.jsonl").exists()
