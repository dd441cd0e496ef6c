"""What a host sees of a plugin that behaves, or errs like ordinary code."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import aclosing

import pytest
from eventually import eventually

from theodore_loader.errors import CallTimeout, ConfigurationProblem, RemoteError
from theodore_loader.progress import progress_to
from theodore_loader.proxies import proxy_for
from theodore_sdk import (
    HealthStatus,
    PluginConfigurationError,
    PluginPermissionError,
    ResourceLimitExceeded,
    ScraperPlugin,
    ScrapingRequest,
    ScrapingResult,
)


async def call(running, name, *args, **kwargs):
    return await running.worker.call(running.worker.methods[name], args, kwargs)


async def test_arguments_and_results_are_the_sdk_types(start):
    running = await start("return ScrapingResult(type(request).__name__, request.url, 200, True, links=('a', 'b'))")
    result = await call(running, "scrape_content", ScrapingRequest(url="https://example.com"))
    assert result == ScrapingResult("ScrapingRequest", "https://example.com", 200, True, links=("a", "b"))


async def test_every_inherited_operation_can_be_called(start):
    running = await start("return say('')")
    health = await call(running, "health_check")
    assert isinstance(health, HealthStatus)
    assert health.details == {"calls": 1}
    assert health.last_check.tzinfo is not None
    assert await call(running, "supports_javascript") is False
    assert await call(running, "get_rate_limits") is None


async def test_configuration_reaches_the_plugin(start):
    running = await start("return say(self.config.require('greeting'))", config={"greeting": "hello"})
    assert await running.scrape() == "hello"


async def test_concurrent_calls_interleave(start):
    running = await start(
        """
        meeting = vars(self).setdefault("meeting", asyncio.Event())
        if request.url == "19":
            meeting.set()
        await meeting.wait()
        return say(request.url)
        """
    )
    answers = await asyncio.gather(*(running.scrape(str(number)) for number in range(20)))
    assert answers == [str(number) for number in range(20)]


async def test_what_the_plugin_raises_arrives_as_text(start):
    running = await start(
        """
        class Odd(ValueError):
            pass
        raise Odd("no such page")
        """
    )
    with pytest.raises(RemoteError, match="no such page") as caught:
        await running.scrape()
    assert caught.value.type_name.endswith("Odd")
    assert "demo_plugin.py" in caught.value.traceback


async def test_an_exception_that_cannot_be_described_is_still_an_answer(start):
    running = await start(
        """
        class Evil(Exception):
            def __str__(self):
                raise SystemExit(3)
        raise Evil()
        """
    )
    with pytest.raises(RemoteError, match="message unavailable"):
        await running.scrape()
    assert (await call(running, "health_check")).is_healthy


@pytest.mark.parametrize("name", ["SystemExit(1)", "KeyboardInterrupt()", "GeneratorExit()"])
async def test_exceptions_that_end_programs_end_only_the_call(start, name):
    running = await start(f"raise {name}")
    with pytest.raises(RemoteError):
        await running.scrape()
    assert (await call(running, "health_check")).is_healthy


async def test_sdk_errors_keep_their_type(start):
    running = await start(
        """
        if request.url == "limit":
            raise ResourceLimitExceeded("max_pages", "ten pages")
        raise PluginConfigurationError("no key")
        """
    )
    with pytest.raises(ResourceLimitExceeded, match="ten pages") as caught:
        await running.scrape("limit")
    assert caught.value.limit == "max_pages"
    with pytest.raises(PluginConfigurationError, match="no key"):
        await running.scrape()


async def test_a_result_of_another_type_names_the_field(start):
    running = await start("return {'url': 5}")
    with pytest.raises(RemoteError, match=r"another type than declared.*url"):
        await running.scrape()
    assert (await call(running, "health_check")).is_healthy


async def test_a_result_that_cannot_cross_is_refused_in_the_worker(start):
    running = await start("return lambda: 1")
    with pytest.raises(RemoteError, match="function cannot cross"):
        await running.scrape()


async def test_a_result_of_one_mebibyte_arrives_and_a_larger_one_names_the_limit(start):
    running = await start("return say('x' * int(request.url))")
    fits = 1024 * 1024 - 200
    assert len(await running.scrape(str(fits))) == fits
    with pytest.raises(ResourceLimitExceeded, match=r"1048576 bytes \(1 MiB\)"):
        await running.scrape(str(1024 * 1024))
    assert len(await running.scrape("5")) == 5


async def test_wrong_arguments_are_the_callers_error(start):
    running = await start("return say('')")
    with pytest.raises(TypeError, match="missing a required argument"):
        await call(running, "scrape_content")
    with pytest.raises(TypeError, match="scrape_content"):
        await call(running, "scrape_content", "not a request")


async def test_arguments_beyond_the_limit_are_refused_before_they_are_sent(start):
    running = await start("return say('')")
    with pytest.raises(ValueError, match="1 MiB"):
        await running.scrape("x" * 1_100_000)
    assert await running.scrape() == ""


async def test_a_call_past_its_deadline_is_cancelled_and_the_worker_lives(start):
    running = await start("await asyncio.sleep(60)")
    with pytest.raises(CallTimeout, match="it was cancelled"):
        await running.scrape(seconds=0.5)
    assert (await call(running, "health_check")).is_healthy


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "time.sleep(60)",
        "while True:\n    try: await asyncio.sleep(60)\n    except asyncio.CancelledError: pass",
        "import signal; os.kill(os.getpid(), signal.SIGSTOP)",
    ],
    ids=["spins", "blocks", "ignores-cancellation", "stops-itself"],
)
async def test_a_call_that_does_not_stop_costs_the_worker_its_life(start, body):
    running = await start(body)
    with pytest.raises(CallTimeout, match="its worker was killed"):
        await running.scrape(seconds=0.5)
    assert running.worker.ended is not None


async def test_a_cancelled_caller_cancels_the_plugin(start):
    running = await start(
        """
        if request.url:
            return say(getattr(self, "seen", "nothing"))
        self.seen = "called"
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            self.seen = "cancelled"
            raise
        """
    )

    async def until_seen(what):
        async with asyncio.timeout(15):
            while await running.scrape("?") != what:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    task = asyncio.create_task(running.scrape())
    await until_seen("called")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_seen("cancelled")


async def test_streams_of_a_real_worker_arrive_and_end_through_a_proxy(start):
    running = await start("return say(request.url)")
    plugin = proxy_for(ScraperPlugin, running.worker)
    assert isinstance(plugin, ScraperPlugin)
    assert inspect.isasyncgenfunction(plugin.stream_contents)
    assert list(inspect.signature(plugin.stream_contents).parameters) == ["requests"]
    requests = [ScrapingRequest(url=str(number)) for number in range(3000)]
    results = [result async for result in plugin.stream_contents(requests)]
    assert [result.content for result in results] == [request.url for request in requests]
    async with aclosing(plugin.stream_contents(requests)) as items:
        assert (await anext(items)).content == "0"
    assert (await call(running, "health_check")).is_healthy


async def test_progress_of_a_real_worker_is_heard(start):
    running = await start(
        """
        from theodore_sdk import report_progress
        await asyncio.to_thread(report_progress, 0.5, "half\\x1b[2J")
        return say("")
        """
    )
    heard = []
    with progress_to(lambda fraction, message: heard.append((fraction, message))):
        await running.scrape()
    await asyncio.sleep(0)
    assert heard == [(0.5, r"half\x1b[2J")]


async def test_a_traceback_begins_in_the_plugin_and_names_no_folder_of_the_host(start, tmp_path):
    running = await start("import json; return json.loads('{')")
    with pytest.raises(RemoteError, match="JSONDecodeError") as caught:
        await running.scrape()
    assert caught.value.__notes__ == [f"in the plugin:\n{caught.value.traceback}"]
    lines = caught.value.traceback.splitlines()
    assert lines[1].strip().startswith('File "demo_plugin.py", line')
    assert str(tmp_path) not in caught.value.traceback
    assert 'File "json/decoder.py"' in caught.value.traceback


async def test_an_operation_that_cannot_be_awaited_is_refused_before_anybody_calls(start):
    source = """
from theodore_sdk import HealthStatus, ScraperPlugin, ValidationResult
class Demo(ScraperPlugin):
    def get_plugin_info(self): ...
    async def initialize(self, container, config): ...
    async def validate_configuration(self, config): return ValidationResult.success()
    def health_check(self): return HealthStatus.healthy()
    async def cleanup(self): ...
    async def scrape_content(self, request):
        yield 1
"""
    with pytest.raises(RemoteError, match=r"not written with async def: .*health_check.*scrape_content"):
        await start("", source=source)


async def test_a_configuration_the_plugin_refuses_is_reported_with_its_reasons(start):
    source = """
from theodore_sdk import HealthStatus, ScraperPlugin, ValidationResult
class Demo(ScraperPlugin):
    def get_plugin_info(self): ...
    async def initialize(self, container, config): ...
    async def validate_configuration(self, config): return ValidationResult.failure(["too slow", "too loud"])
    async def health_check(self): return HealthStatus.healthy()
    async def cleanup(self): ...
    async def scrape_content(self, request): ...
"""
    with pytest.raises(ConfigurationProblem, match="too slow; too loud"):
        await start("", source=source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_module", "no_such_module"),
        ("raise SystemExit(3)", "SystemExit"),
        ("x = 1", "demo_plugin:Demo is missing"),
        ("class Demo: pass", "does not derive from ScraperPlugin"),
        ("from theodore_sdk import ScraperPlugin as Demo", "abstract"),
        ("def broken(:", "SyntaxError"),
    ],
)
async def test_a_plugin_that_cannot_be_imported_says_why(start, source, message):
    with pytest.raises(RemoteError, match=message):
        await start("", source=source)


async def test_a_plugin_cannot_shadow_the_standard_library_or_the_sdk(start, tmp_path):
    (tmp_path / "plugin").mkdir()
    for name in ("json.py", "theodore_sdk.py", "colorsys.py"):
        (tmp_path / "plugin" / name).write_text("raise RuntimeError('shadowed')")
    running = await start("import json, colorsys; return say(json.dumps([1]))")
    assert await running.scrape() == "[1]"


async def test_granted_services_can_be_called_and_others_cannot(start):
    class Store:
        async def get(self, key):
            return {"a": [1, 2]}[key]

        def sync(self):
            return 1

    running = await start(
        """
        name, _, key = request.url.partition("/")
        service = self.container.resolve(name)
        return say(await getattr(service, key.split(":")[0])(*key.split(":")[1:]))
        """,
        grants=("registry store", "registry absent"),
        services={"store": Store(), "secrets": Store()},
    )
    assert await running.scrape("store/get:a") == "[1, 2]"
    with pytest.raises(PluginPermissionError, match="registry denied: secrets"):
        await running.scrape("secrets/get:a")
    with pytest.raises(RemoteError, match="no service 'absent'"):
        await running.scrape("absent/get:a")
    with pytest.raises(RemoteError, match="KeyError"):
        await running.scrape("store/get:b")
    with pytest.raises(RemoteError, match="no method 'sync'"):
        await running.scrape("store/sync")
    with pytest.raises(RemoteError, match="AttributeError: _private"):
        await running.scrape("store/_private")


async def test_the_worker_judges_nothing_the_host_judges_again(start):
    class Vault:
        async def read(self):
            return "secret"

    running = await start(
        """
        from theodore_loader.worker.context import Service
        forged = Service("vault", self.container._call)
        return say(await forged.read())
        """,
        services={"vault": Vault()},
    )
    with pytest.raises(PluginPermissionError, match="registry denied: vault"):
        await running.scrape()


async def test_the_logger_and_the_streams_reach_the_host(start):
    running = await start(
        """
        self.container.logger.warning("careful %s", "now")
        print("printed")
        print("complained", file=sys.stderr)
        return say("")
        """
    )
    await running.scrape()
    said = {("demo", "careful now"), ("stdout", "printed"), ("stderr", "complained")}
    assert await eventually(lambda: said <= {(record.source, record.text) for record in running.logs})


async def test_the_receipt_says_what_was_reached(start, tier):
    running = await start("return say('')", grants=("network example.com:443",))
    receipt = running.worker.receipt
    assert receipt.tier == tier
    assert "network example.com:443" in receipt.grants
    assert any("max_network_requests_per_minute" in line for line in receipt.not_enforced)
    assert receipt.milliseconds["total"] > receipt.milliseconds["worker confine"]


async def test_close_cleans_up_and_leaves_no_process(start):
    running = await start("return say('')")
    await running.worker.close()
    assert running.worker._harness.process.done.result() == 0


async def test_a_service_has_no_method_of_a_name_too_long_for_a_frame(start):
    body = """
    try:
        return say(await getattr(self.container.resolve("store"), "m" * 300)())
    except AttributeError:
        return say("no such method")
    """
    running = await start(body, services={"store": object()}, grants=("registry store",))
    assert [await running.scrape(), await running.scrape()] == ["no such method"] * 2
