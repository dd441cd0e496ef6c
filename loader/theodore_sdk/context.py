"""What ``initialize`` receives as its container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # neither is needed to run: a worker that does not use them shall not pay for importing them
    from logging import Logger
    from pathlib import Path

    from theodore_sdk.http import HttpClient


class PluginContext(Protocol):
    """A plugin's view of its host: granted services, a logger and three folders of its own.

    The permission patterns ``{data}``, ``{cache}`` and ``{tmp}`` stand for the three folders. They exist when
    ``initialize`` runs.
    """

    @property
    def logger(self) -> Logger:
        """Logger whose records reach the host under the plugin's name."""
        ...

    @property
    def data_dir(self) -> Path:
        """Folder kept across restarts and upgrades (permission ``rw:{data}/**``)."""
        ...

    @property
    def cache_dir(self) -> Path:
        """Folder the host may empty while the plugin is not running (permission ``rw:{cache}/**``)."""
        ...

    @property
    def tmp_dir(self) -> Path:
        """Folder emptied when the worker ends (permission ``rw:{tmp}/**``)."""
        ...

    @property
    def http(self) -> HttpClient:
        """The host's HTTP client, for hosts a ``network`` permission grants: ``await container.http.fetch(url)``."""
        ...

    def resolve(self, service: str) -> Any:
        """Return the host service registered as ``service``.

        Raises:
            PluginPermissionError: no ``registry`` permission covers ``service``.
            LookupError: the host has no such service.

        """
        ...
