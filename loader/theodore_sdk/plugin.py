"""The interface every plugin implements, whatever its category."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from theodore_sdk.config import PluginConfig
from theodore_sdk.context import PluginContext
from theodore_sdk.info import PluginCategory, PluginInfo
from theodore_sdk.status import HealthStatus, ValidationResult


class PluginInterface(ABC):
    """Lifecycle and metadata of a plugin.

    Derive from a category's base class (``ScraperPlugin``, ``StoragePlugin``, ...), not from this one. A host
    calls ``validate_configuration``, ``initialize``, then the category's methods in any order and possibly
    interleaved, and ``cleanup`` last. Importing the module must have no effect beyond definitions.
    """

    category: ClassVar[PluginCategory]
    """Set by each category's base class."""

    @abstractmethod
    def get_plugin_info(self) -> PluginInfo:
        """Return the plugin's metadata: a literal, because the toolchain reads it without running it."""

    @abstractmethod
    async def initialize(self, container: PluginContext, config: PluginConfig) -> None:
        """Set up state; the first moment at which the plugin may touch files or the network."""

    @abstractmethod
    async def validate_configuration(self, config: Mapping[str, Any]) -> ValidationResult:
        """Check what the configuration schema cannot say; runs before :meth:`initialize`."""

    @abstractmethod
    async def health_check(self) -> HealthStatus:
        """Return whether the plugin can do its work; a failure is an answer, not an exception."""

    @abstractmethod
    async def cleanup(self) -> None:
        """Close what :meth:`initialize` opened. May be called without it, and more than once."""
