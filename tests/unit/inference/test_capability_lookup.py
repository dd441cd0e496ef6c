"""Looking names up: what is read when, that answers are remembered, and what modules and their parts are."""

from __future__ import annotations

import threading
import time

import pytest

from theodore_plugin.inference.capabilities import CapabilityMap, load_maps, shipped_map
from theodore_plugin.inference.capabilities.lookup import groups
from theodore_plugin.inference.capabilities.sections import Section, cut
from theodore_plugin.inference.capabilities.sources import _assemble, _shipped

TEXT = """
harmless = ["sums"]

[[library]]
module = "acme"
default = "network"
default_access = "connect"
safe = ["errors.*", "version"]
submodules = ["http"]
aliases = { "=acme_old" = "acme", client = "acme.http.Client" }
effects = [
  { permission = "filesystem", access = "write", target = "path", argument = [0], names = ["http.Client().save"] },
]

[[library]]
module = "acme.deep"
effects = [{ permission = "subprocess", access = "run", holds = false, names = ["run"] }]

[[library]]
module = "other"
returns = { make = "Thing()" }
effects = [{ permission = "network", names = ["Thing().go"] }]
traits = { threads = ["Thing"] }
"""


def made(text: str = TEXT) -> CapabilityMap:
    return CapabilityMap(tuple(cut(text)), "digest")


def fresh() -> CapabilityMap:
    return _assemble(_shipped())


class _Unreadable(dict[str, object]):
    def __getitem__(self, name: str) -> object:
        raise AssertionError("this library was not asked about")


def test_only_libraries_that_are_asked_about_are_read() -> None:
    never = Section("never", frozenset({"never"}), leaked=False, content=_Unreadable())
    known = CapabilityMap((*cut(TEXT), never), "")
    assert known.of_call("acme.get")
    assert known.library("unheard_of") is None
    with pytest.raises(AssertionError):
        known.library("never")


def test_sections_that_share_a_root_are_read_together_and_in_order() -> None:
    sections = tuple(cut(TEXT))
    found = groups(sections)
    assert [section.module for section in found["acme_old"]] == ["acme", "acme.deep"]
    assert found["acme"] == found["acme_old"]
    assert [section.module for section in found["other"]] == ["other"]


def test_the_longest_library_holds_a_name() -> None:
    known = made()
    assert known.library("acme.deep.run().x") is known.libraries["acme.deep"]
    assert known.library("acme.deeper") is known.libraries["acme"]
    assert known.library("acme_old.x") is known.libraries["acme"]
    assert known.library("sums.anything") is not None


def test_a_name_is_looked_up_exactly_then_as_safe_then_by_default() -> None:
    known = made()
    assert [effect.access for effect in known.of_call("acme.http.Client().save")] == ["write"]
    assert known.of_call("acme.version") == ()
    assert [effect.access for effect in known.of_call("acme.version.parse")] == ["connect"]
    assert known.of_call("acme.errors") == known.of_call("acme.errors.Timeout().args") == ()
    assert [effect.access for effect in known.of_call("acme.errorsome")] == ["connect"]
    assert known.of_call("acme.deep.other") == ()
    assert known.of_call("sums.add") == ()


def test_a_bare_reference_counts_unless_the_map_says_otherwise() -> None:
    known = made()
    assert known.explicit("acme.deep.run")
    assert known.held("acme.deep.run") == ()
    assert known.held("acme.http.Client().save")


def test_aliases_are_followed_and_remembered() -> None:
    known = made()
    assert known.canonical("acme_old.client().save") == "acme.http.Client().save"
    assert known.canonical("acme_old.client().save") is known.canonical("acme_old.client().save")
    assert known.canonical("never.heard.of") == "never.heard.of"


def test_modules_and_what_has_capable_attributes() -> None:
    known = made()
    assert known.is_module("acme")
    assert known.is_module("acme.http")
    assert not known.is_module("acme.http.Client")
    assert known.is_capable("acme.http.Client()")
    assert known.is_capable("other")
    assert known.is_capable("acme"), "its default is an effect"
    assert not known.is_capable("sums")
    assert known.traits("other.Thing") == {"threads"}
    assert known.traits("other.make") == frozenset()


@pytest.mark.parametrize("path", ["urllib.request", "logging.handlers", "os.path", "concurrent.futures"])
def test_submodules_of_the_standard_library_are_modules(path: str) -> None:
    assert shipped_map().is_module(path)


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("logging.os.system", "os.system"),
        ("random._os.system", "os.system"),
        ("multiprocessing.util.os", "os"),
        ("http.client.socket.socket", "socket.socket"),
        ("concurrent.futures.process.mp", "concurrent.futures.process.mp"),
        ("asyncio.subprocess.create_subprocess_exec", "asyncio.create_subprocess_exec"),
        ("somebody_elses.os.system", "os.system"),
        ("somebody_elses.json.loads", "somebody_elses.json.loads"),
        ("socket.socket.connect", "socket.socket.connect"),
        ("asyncio.unix_events.SelectorEventLoop().create_connection", "asyncio.AbstractEventLoop().create_connection"),
    ],
)
def test_modules_show_what_they_import(path: str, canonical: str) -> None:
    assert shipped_map().canonical(path) == canonical


def test_objects_are_followed_from_their_makers() -> None:
    known = shipped_map()

    def chain(*steps: str) -> str:
        path = steps[0]
        for step in steps[1:]:
            path = known.canonical(f"{known.returns.get(path, (f'{path}()',))[0]}.{step}")
        return path

    page = chain("playwright.sync_api.sync_playwright", "chromium.launch", "new_context", "new_page", "goto")
    assert page == "playwright.sync_api.Page().goto"
    assert known.of_call(page)[0].target == "url"
    assert known.of_call(chain("selenium.webdriver.Chrome", "get"))
    assert known.of_call(chain("cloudscraper.create_scraper", "get")) == known.of_call("requests.Session().get")
    assert known.of_call(chain("boto3.client", "put_object"))
    assert known.of_call(chain("asyncio.get_running_loop", "subprocess_shell"))


def test_threads_that_ask_at_once_get_the_same_answers() -> None:
    known, names = fresh(), list(shipped_map().effects)[::7]
    expected = [shipped_map().of_call(name) for name in names]
    found: list[list[object]] = []

    def ask() -> None:
        found.append([known.of_call(name) for name in names])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


def test_what_is_read_does_not_depend_on_the_order_of_questions() -> None:
    names = list(shipped_map().effects)
    forwards, backwards = fresh(), fresh()
    assert {name: forwards.of_call(name) for name in names} == {
        name: backwards.of_call(name) for name in reversed(names)
    }


def test_the_map_is_ready_in_no_time() -> None:
    def seconds() -> float:
        started = time.process_time()
        known = fresh()
        for name in ("builtins.open", "os.environ.get", "pathlib.Path().read_text", "httpx.AsyncClient().get"):
            known.of_call(known.canonical(name))
        return time.process_time() - started

    assert min(seconds() for _ in range(5)) < 0.5


def test_users_maps_are_read_after_the_shipped_one_whatever_is_asked_first(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "own.toml"
    path.write_text(
        "[[library]]\nmodule = 'mine'\naliases = { '=requests.get' = 'mine.get' }\n"
        "effects = [{ permission = 'subprocess', access = 'run', names = ['get'] }]\n"
    )
    for first in ("mine.get", "requests.get"):
        known = load_maps([path])
        known.of_call(first)
        assert known.canonical("requests.get") == "mine.get"
        assert [effect.access for effect in known.of_call("mine.get")] == ["run"]
