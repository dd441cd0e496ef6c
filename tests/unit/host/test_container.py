"""Plugins in a host's container: the real dependency_injector, and a dict."""

from __future__ import annotations

import gc
import itertools
import weakref
from typing import Any

import pytest
from dependency_injector import containers, providers

from theodore_loader.broker.services import Services
from theodore_loader.channel.codec import HostCall
from theodore_loader.channel.methods import encode_value
from theodore_loader.container import Bindings, offered
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.permissions import Permission


class Plugin:
    """Stands for a proxy: the container never looks inside."""


class VectorStorage:
    async def search(self, text: str) -> list[str]:
        return [f"found {text}"]


class Storage(containers.DeclarativeContainer):
    vector_storage = providers.Factory(VectorStorage)


class UseCase:
    def __init__(self, storage: Any) -> None:
        self.storage = storage


class Application(containers.DeclarativeContainer):
    storage = providers.Container(Storage)
    research = providers.Factory(UseCase, storage=storage.vector_storage)
    secret = providers.Object("not for plugins")


@pytest.fixture(params=["injector", "inner", "new", "dict", "dict-new"])
def place(request: pytest.FixtureRequest) -> tuple[Any, str, Any]:
    """Return a container, a name in it, and what looks that name up (``None`` when it is not there)."""
    app, mapping = Application(), {"scraper": "built in"}
    places: dict[str, tuple[Any, str, Any]] = {
        "injector": (app, "secret", lambda: app.secret()),
        "inner": (app, "storage.vector_storage", lambda: _kind(app.storage.vector_storage())),
        "new": (app, "scraper", lambda: app.scraper() if "scraper" in app.providers else None),
        "dict": (mapping, "scraper", lambda: mapping["scraper"]),
        "dict-new": (mapping, "search", lambda: mapping.get("search")),
    }
    return places[request.param]


def _kind(found: object) -> object:
    return found if isinstance(found, Plugin) else type(found)


def test_bound_plugin_is_what_the_name_gives_and_taking_it_back_restores_what_was_there(place):
    container, name, look = place
    before, plugin = look(), Plugin()
    bindings = Bindings(container)
    bindings.bind(name, plugin)
    assert look() is plugin
    assert bindings.names(plugin) == (name,)
    assert bindings.unbind(plugin) == (name,)
    assert look() == before
    assert bindings.names(plugin) == ()
    assert bindings.unbind(plugin) == ()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=lambda order: "".join(map(str, order)))
def test_plugins_on_one_name_are_taken_back_in_any_order(order):
    app = Application()
    bindings = Bindings(app)
    plugins = [Plugin() for _ in range(3)]
    for plugin in plugins:
        bindings.bind("secret", plugin)
    left = list(plugins)
    for number in order:
        assert app.secret() is left[-1]
        bindings.unbind(plugins[number])
        left.remove(plugins[number])
    assert app.secret() == "not for plugins"
    assert app.secret.overridden == ()


def test_nothing_of_a_plugin_stays_in_the_container(place):
    container, name, _look = place
    bindings, plugin = Bindings(container), Plugin()
    gone = weakref.ref(plugin)
    bindings.bind(name, plugin)
    bindings.unbind(plugin)
    del plugin
    gc.collect()
    assert gone() is None


def test_new_name_is_no_provider_any_more_after_it_was_taken_back():
    app = Application()
    names = set(app.providers)
    bindings, plugin = Bindings(app), Plugin()
    bindings.bind("scraper", plugin)
    bindings.clear()
    assert set(app.providers) == names
    assert not hasattr(app, "scraper")


def test_what_is_built_from_the_name_gets_the_plugin():
    app, plugin = Application(), Plugin()
    bindings = Bindings(app)
    bindings.bind("storage.vector_storage", plugin)
    assert app.research().storage is plugin
    bindings.unbind(plugin)
    assert isinstance(app.research().storage, VectorStorage)


def test_overriding_by_the_host_stays_below_and_above():
    app, plugin = Application(), Plugin()
    app.secret.override(providers.Object("below"))
    bindings = Bindings(app)
    bindings.bind("secret", plugin)
    app.secret.override(providers.Object("above"))
    bindings.unbind(plugin)
    assert app.secret() == "above"
    app.secret.reset_last_overriding()
    assert app.secret() == "below"


def test_key_the_host_has_replaced_is_left_to_it():
    mapping: dict[str, Any] = {}
    bindings, plugin = Bindings(mapping), Plugin()
    bindings.bind("scraper", plugin)
    mapping["scraper"] = "the host's"
    bindings.unbind(plugin)
    assert mapping == {"scraper": "the host's"}


@pytest.mark.parametrize(
    "container", [Application, object(), "text", ("tuple",)], ids=["class", "object", "str", "tuple"]
)
def test_other_things_are_refused(container):
    with pytest.raises(ConfigurationProblem, match="no container"):
        Bindings(container)


@pytest.mark.parametrize("name", ["secret.deeper", "missing.vector_storage", "storage.vector_storage.deeper"])
def test_name_that_leads_nowhere_is_refused_and_changes_nothing(name):
    app = Application()
    names = set(app.providers)
    with pytest.raises(ConfigurationProblem, match="is no container inside"):
        Bindings(app).bind(name, Plugin())
    assert set(app.providers) == names


async def test_offered_service_is_looked_up_at_each_call():
    app = Application()
    services = offered(app, {"vectors": "storage.vector_storage"})
    assert await services["vectors"].search("a") == ["found a"]

    class Other(VectorStorage):
        async def search(self, text: str) -> list[str]:
            return ["other"]

    with app.storage.vector_storage.override(providers.Factory(Other)):
        assert await services["vectors"].search("a") == ["other"]
    assert set(services) == {"vectors"}


def test_offer_of_something_that_is_not_there_is_an_error_at_once():
    with pytest.raises(ConfigurationProblem, match=r"nothing named 'storage\.graph'"):
        offered(Application(), {"graph": "storage.graph"})
    with pytest.raises(ConfigurationProblem, match="nothing named 'graph'"):
        offered({"vectors": VectorStorage()}, {"graph": "graph"})


async def test_service_that_cannot_be_made_fails_the_plugins_call_and_nothing_else():
    def broken() -> VectorStorage:
        raise RuntimeError("no database")

    app = Application()
    app.storage.vector_storage.override(providers.Factory(broken))
    services = Services(
        offered(app, {"vectors": "storage.vector_storage"}),
        [Permission.parse("registry", "vectors")],
        lambda _resource, _granted: None,
    )
    answer = await services.call(HostCall(1, "vectors", "search", encode_value([["a"], {}])))
    assert answer.error == ("RuntimeError", "no database")
