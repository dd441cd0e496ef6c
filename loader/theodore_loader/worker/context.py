"""The ``PluginContext`` a plugin receives: its folders, its logger, and the host services it was granted."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theodore_loader.permissions import Permission
from theodore_loader.worker.setup import Setup
from theodore_sdk.errors import PluginPermissionError
from theodore_sdk.info import PermissionType

if TYPE_CHECKING:
    from theodore_sdk.http import HttpClient

HostCaller = Callable[[str, str, tuple[Any, ...], dict[str, Any]], Awaitable[Any]]


MAX_NAME = 256


class Service:
    """A host service seen from a worker: every attribute is an asyncio method of the same name on the host."""

    __slots__ = ("_call", "_name")

    def __init__(self, name: str, call: HostCaller) -> None:
        self._name = name
        self._call = call

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        if method.startswith("_") or len(method) > MAX_NAME:  # a longer one would look like an attack on the wire
            raise AttributeError(method[:MAX_NAME])

        async def remote(*args: Any, **kwargs: Any) -> Any:
            return await self._call(self._name, method, args, kwargs)

        return remote

    def __repr__(self) -> str:
        return f"<host service {self._name!r}>"


class WorkerContext:
    """Implements :class:`theodore_sdk.context.PluginContext`. The host judges every service call again."""

    def __init__(self, setup: Setup, services: Sequence[str], call: HostCaller) -> None:
        self._folders = {name: Path(path) for name, path in setup.folders.items()}
        self._grants: tuple[Permission, ...] = setup.permissions()
        self._services = frozenset(services)
        self._call = call
        self._logger = logging.getLogger(setup.name)
        self._http: HttpClient | None = None

    @property
    def logger(self) -> logging.Logger:
        """Logger whose records reach the host."""
        return self._logger

    @property
    def data_dir(self) -> Path:
        """Folder kept across restarts and upgrades."""
        return self._folders["data"]

    @property
    def cache_dir(self) -> Path:
        """Folder the host may empty."""
        return self._folders["cache"]

    @property
    def tmp_dir(self) -> Path:
        """Folder emptied when the worker ends."""
        return self._folders["tmp"]

    @property
    def http(self) -> HttpClient:
        """The host's HTTP client."""
        if self._http is None:
            from theodore_loader.worker.asking import plugin_line
            from theodore_loader.worker.http import FetchingClient

            self._http = FetchingClient(self._call, plugin_line)
        return self._http

    def resolve(self, service: str) -> Service:
        """Return a host service.

        Raises:
            PluginPermissionError: no ``registry`` permission covers it.
            LookupError: the host has none of that name.

        """
        if not any(grant.type is PermissionType.REGISTRY and grant.allows_name(service) for grant in self._grants):
            raise PluginPermissionError("registry", service, enforced_by="broker")
        if service not in self._services:
            raise LookupError(f"the host offers no service {service!r}")
        return Service(service, self._call)
