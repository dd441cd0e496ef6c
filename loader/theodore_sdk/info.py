"""What a plugin says about itself: the literal returned by ``get_plugin_info()``.

The toolchain reads this literal without running it and compiles it into ``theodore-plugin.json``
inside the wheel; a host reads only that file. Field names, order and defaults are those of the
plugin ticket (TICKET-023), plus ``provides``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from theodore_sdk.versions import VersionRange


class PluginCategory(StrEnum):
    """What a plugin extends; decides which base class it must implement."""

    SCRAPER = "scraper"
    AI_PROVIDER = "ai_provider"
    SEARCH_TOOL = "search_tool"
    STORAGE = "storage"
    DISCOVERY = "discovery"
    TRANSFORMER = "transformer"
    EXPORTER = "exporter"
    MONITOR = "monitor"
    WEBHOOK = "webhook"
    SECURITY = "security"


class PermissionType(StrEnum):
    """What a plugin may ask for. ``REGISTRY`` is the host's service registry, not the Windows one."""

    NETWORK = "network"
    FILE_SYSTEM = "filesystem"
    SUBPROCESS = "subprocess"
    REGISTRY = "registry"
    ENVIRONMENT = "environment"
    NATIVE = "native"
    DYNAMIC_CODE = "dynamic_code"


@dataclass(frozen=True, slots=True)
class PluginPermission:
    """One permission a plugin asks for.

    ``pattern`` says which resources, in the grammar of its type (``docs/permissions.md``):
    network ``host[:port]``, filesystem ``r:/path/**``, subprocess program names, environment and
    registry name globs. ``description`` is the reason shown to whoever grants it.
    """

    type: PermissionType
    description: str
    pattern: str = "*"
    required: bool = True


@dataclass(frozen=True, slots=True)
class PluginResourceLimits:
    """Upper bounds the worker enforces: mebibytes, percent of one CPU, counts and seconds."""

    max_memory_mb: int = 512
    max_cpu_percent: float = 50.0
    max_network_requests_per_minute: int = 100
    max_file_handles: int = 50
    max_subprocess_count: int = 5
    max_execution_time_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class PluginDependency:
    """Another plugin this one needs, with a PEP 440 version specifier."""

    name: str
    version_requirement: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class PackageDependency:
    """A Python distribution this plugin needs, with a PEP 440 version specifier."""

    name: str
    version_requirement: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """Everything a host needs to know before it decides to load a plugin.

    ``interfaces`` names the SDK base classes or Theodore ports the plugin implements; ``provides``
    maps a port's name to ``"module:Class"`` for port implementations that are not the plugin object.
    """

    name: str
    version: str
    description: str
    author: str
    email: str
    homepage: str
    license: str
    category: PluginCategory
    interfaces: Sequence[str]
    dependencies: Sequence[PluginDependency]
    compatible_versions: VersionRange
    min_python_version: str
    max_python_version: str | None
    required_packages: Sequence[PackageDependency]
    optional_packages: Sequence[PackageDependency]
    configuration_schema: Mapping[str, Any]
    permissions: Sequence[PluginPermission]
    resource_limits: PluginResourceLimits
    tags: Sequence[str]
    documentation_url: str | None = None
    changelog_url: str | None = None
    issue_tracker_url: str | None = None
    provides: Mapping[str, str] = field(default_factory=dict)
