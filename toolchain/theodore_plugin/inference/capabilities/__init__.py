"""The capability map: data under ``policies/capabilities/`` that says what a foreign name can do.

``shipped_map()`` is the one that comes with the toolchain, ``load_maps(paths)`` has its user's files over it.
"""

from __future__ import annotations

from theodore_plugin.inference.capabilities.lookup import CapabilityMap
from theodore_plugin.inference.capabilities.model import Effect, Library
from theodore_plugin.inference.capabilities.sources import load_maps, shipped_files, shipped_map

__all__ = ["CapabilityMap", "Effect", "Library", "load_maps", "shipped_files", "shipped_map"]
