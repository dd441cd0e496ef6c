"""A plugin's configuration, prepared on the host's side: defaults, conversions, validation.

The schema comes out of a plugin's manifest and is as untrusted as the plugin: :mod:`schema_guard` refuses what could
reach out, loop or stall before jsonschema sees it.
"""

from __future__ import annotations

from theodore_loader.config.prepare import ConfigurationMismatch, prepare_config

__all__ = ["ConfigurationMismatch", "prepare_config"]
