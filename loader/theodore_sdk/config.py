"""The configuration a plugin receives."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from theodore_sdk.errors import PluginConfigurationError


class PluginConfig:
    """Read-only view of a plugin's settings.

    The host has already checked ``config_data`` against ``schema`` and filled in its defaults, so a plugin
    reads values and never validates them a second time.
    """

    __slots__ = ("config_data", "schema")

    config_data: Mapping[str, Any]
    schema: Mapping[str, Any]

    def __init__(self, config_data: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> None:
        self.config_data = MappingProxyType(dict(config_data))
        self.schema = MappingProxyType(dict(schema or {}))

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of ``key``, or ``default`` where it is not set."""
        return self.config_data.get(key, default)

    def require(self, key: str) -> Any:
        """Return the value of ``key``.

        Raises:
            PluginConfigurationError: ``key`` is not set.

        """
        try:
            return self.config_data[key]
        except KeyError:
            known = ", ".join(sorted(self.config_data)) or "none"
            raise PluginConfigurationError(
                f"required configuration key {key!r} is not set (keys that are: {known})"
            ) from None

    def __repr__(self) -> str:
        # Values may be secrets and reprs end in logs: keys only.
        return f"PluginConfig(keys={sorted(self.config_data)})"
