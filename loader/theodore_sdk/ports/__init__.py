"""One module per category: its base class and the data that crosses the border."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theodore_sdk.info import PluginCategory
    from theodore_sdk.plugin import PluginInterface

    CATEGORY_BASES: Mapping[PluginCategory, type[PluginInterface]]
    """The base class a plugin of each category derives from."""

__all__ = ["CATEGORY_BASES"]

_BASE_NAMES = (
    ("scraper", "ScraperPlugin"),
    ("ai_provider", "AIProviderPlugin"),
    ("search_tool", "SearchToolPlugin"),
    ("storage", "StoragePlugin"),
    ("discovery", "DiscoveryPlugin"),
    ("transformer", "TransformerPlugin"),
    ("exporter", "ExporterPlugin"),
    ("monitor", "MonitorPlugin"),
    ("webhook", "WebhookPlugin"),
    ("security", "SecurityPlugin"),
)


def __getattr__(name: str) -> Any:
    # Built on first use: a worker imports the module of its own category and none of the others.
    if name != "CATEGORY_BASES":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    bases = [getattr(importlib.import_module(f"{__name__}.{module}"), base) for module, base in _BASE_NAMES]
    value = MappingProxyType({base.category: base for base in bases})
    globals()[name] = value
    return value
