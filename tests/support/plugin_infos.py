"""The metadata of a plugin that a test makes up: say what matters to the test, the rest is filled in."""

from __future__ import annotations

from typing import Any

from theodore_sdk import PluginCategory, PluginInfo, PluginResourceLimits, VersionRange


def plugin_info(name: str = "demo", **changes: Any) -> PluginInfo:
    """Return a scraper that asks for nothing, with ``changes`` made to it."""
    fields: dict[str, Any] = {
        "name": name,
        "version": "1.0.0",
        "description": "a plugin of a test",
        "author": "A",
        "email": "a@example.com",
        "homepage": "https://example.com",
        "license": "MIT",
        "category": PluginCategory.SCRAPER,
        "interfaces": ("ScraperPlugin",),
        "dependencies": (),
        "compatible_versions": VersionRange(">=2.0.0,<3.0.0"),
        "min_python_version": "3.11",
        "max_python_version": None,
        "required_packages": (),
        "optional_packages": (),
        "configuration_schema": {},
        "permissions": (),
        "resource_limits": PluginResourceLimits(),
        "tags": (),
    }
    return PluginInfo(**{**fields, **changes})
