"""Proxies: objects that look like a plugin and call into its worker.

A proxy class is built once per SDK base class and derives from it, so ``isinstance(plugin, ScraperPlugin)`` holds
and a host treats a plugin like any other implementation. Only the operations of the base class exist on it; what
else a worker may offer cannot be named.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import cache
from typing import Any, Protocol

from theodore_loader.channel.methods import Method, methods_of
from theodore_loader.errors import ConfigurationProblem
from theodore_sdk.config import PluginConfig
from theodore_sdk.context import PluginContext
from theodore_sdk.info import PluginInfo
from theodore_sdk.plugin import PluginInterface

_SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Caller(Protocol):
    """What a proxy needs: a running worker."""

    @property
    def info(self) -> PluginInfo:
        """The metadata of the verified manifest."""

    async def call(self, method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operation and return its typed result."""

    def stream(self, method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Run a streaming operation and iterate over its typed items."""


def proxy_for(base: type[PluginInterface], caller: Caller) -> PluginInterface:
    """Return a proxy that implements ``base`` by calling ``caller``."""
    return _proxy_class(base)(caller)


@cache
def _proxy_class(base: type[PluginInterface]) -> Callable[[Caller], PluginInterface]:
    body: dict[str, Any] = {name: _remote(method) for name, method in methods_of(base).items()}
    body |= {
        "__init__": _init,
        "__repr__": _repr,
        "__module__": __name__,
        "__doc__": f"A plugin in a worker, as {base.__name__}.",
        "get_plugin_info": _get_plugin_info,
        "initialize": _initialize,
    }
    return type(f"{base.__name__}Proxy", (base,), body)


def _remote(method: Method) -> Callable[..., Any]:
    operation: Callable[..., Any] = _streaming(method) if method.streams else _answering(method)
    operation.__name__ = method.name
    operation.__qualname__ = method.name
    operation.__doc__ = method.documentation
    parameters = (_SELF, *method.signature.parameters.values())
    vars(operation)["__signature__"] = method.signature.replace(parameters=parameters)
    return operation


def _answering(method: Method) -> Callable[..., Awaitable[Any]]:
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await self._caller.call(method, args, kwargs)

    return call


def _streaming(method: Method) -> Callable[..., AsyncGenerator[Any, None]]:
    async def stream(self: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        async with aclosing(self._caller.stream(method, args, kwargs)) as items:
            async for item in items:
                yield item

    return stream


def _init(self: Any, caller: Caller) -> None:
    self._caller = caller


def _repr(self: Any) -> str:
    info = self._caller.info
    return f"<plugin {info.name} {info.version} ({type(self).__name__})>"


def _get_plugin_info(self: Any) -> PluginInfo:
    """Return the metadata of the verified manifest; the plugin is not asked."""
    info: PluginInfo = self._caller.info
    return info


async def _initialize(self: Any, container: PluginContext, config: PluginConfig) -> None:
    """Refuse: the host that loaded the plugin has initialised it."""
    raise ConfigurationProblem(
        "a loaded plugin is initialised already", help="give the configuration to PluginHost.load(name, config)"
    )
