"""The loaded plugin object behind its category's table of methods."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from theodore_loader.channel.codec import Load
from theodore_loader.channel.methods import ANY, INITIALIZE, Method, decode_value, is_operation, methods_of
from theodore_loader.worker.context import HostCaller, WorkerContext
from theodore_loader.worker.setup import Setup
from theodore_sdk.config import PluginConfig
from theodore_sdk.plugin import PluginInterface


class NotAPluginError(Exception):
    """The entry point does not name a plugin class of the manifest's category."""


class LoadedPlugin:
    """Implements ``channel.server.Plugin``."""

    def __init__(self, setup: Setup) -> None:
        self.methods: Mapping[str, Method] = {}
        self.operations: tuple[str, ...] = ()
        self.host_call: HostCaller | None = None
        self._setup = setup
        self._plugin: PluginInterface | None = None
        self._context: WorkerContext | None = None
        self._schema: Mapping[str, Any] = {}

    def load(self, load: Load) -> None:
        """Import and instantiate the plugin's class: the first moment its code runs.

        Its folders come last on the import path, so that it can shadow neither the standard library nor the SDK.
        """
        assert self.host_call is not None  # noqa: S101 - main connects it before it serves
        sys.path.extend(self._setup.roots)
        importlib.invalidate_caches()
        base = _named(load.base)
        self._plugin = _plugin_class(load.entry_point, base)()
        self._context = WorkerContext(self._setup, load.services, self.host_call)
        self._schema = decode_value(ANY, load.config_schema)
        self.methods = methods_of(base)
        self.operations = _operations(self._plugin, self.methods)

    def initialize(self, config: Mapping[str, Any]) -> Coroutine[Any, Any, None]:
        """Return the coroutine of the plugin's own ``initialize``."""
        assert self._plugin is not None  # noqa: S101 - the host calls after load
        assert self._context is not None  # noqa: S101
        return self._plugin.initialize(self._context, PluginConfig(config, self._schema))

    def bound(self, method: str) -> Callable[..., Any]:
        """Return the plugin's own method."""
        found: Callable[..., Any] = getattr(self._plugin, method)
        return found


def _named(base: str) -> type[PluginInterface]:
    """Import the category's base class by the name the host gives, and none of the other nine."""
    module, _, name = base.partition(":")
    found: type[PluginInterface] = getattr(importlib.import_module(module), name)
    return found


def _plugin_class(entry_point: str, base: type[PluginInterface]) -> Callable[[], PluginInterface]:
    module, _, name = entry_point.partition(":")
    found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, type):
        raise NotAPluginError(f"{entry_point} is {'missing' if found is None else 'no class'}")
    if not issubclass(found, base):
        raise NotAPluginError(f"{entry_point} does not derive from {base.__name__}")
    return found


def _operations(plugin: PluginInterface, methods: Mapping[str, Method]) -> tuple[str, ...]:
    """Return the names of what can be called; a plugin that cannot do all of it is told so before anybody calls.

    Raises:
        NotAPluginError: operations that cannot be awaited, every one named.

    """
    wrong = [name for name in (INITIALIZE, *methods) if not _fits(getattr(plugin, name, None), methods.get(name))]
    if wrong:
        raise NotAPluginError(f"{type(plugin).__name__}: not written with async def: {', '.join(wrong)}")
    return tuple(methods)


def _fits(function: object, method: Method | None) -> bool:
    if method is not None and method.streams:
        return callable(function)  # an iterator may also come from a plain function
    if inspect.isasyncgenfunction(function):
        return False
    return is_operation(function) or _may_give_one(function)


def _may_give_one(function: object) -> bool:
    """Whether something that is no plain function may still give an awaitable: only a call can tell."""
    return callable(function) and not inspect.ismethod(function)
