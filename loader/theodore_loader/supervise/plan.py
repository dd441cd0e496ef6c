"""What a worker is started with, and the sandbox profile that follows from it. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.tier import Tier
from theodore_loader.worker.setup import Setup
from theodore_sdk.info import PermissionType, PluginResourceLimits

OWN_HANDLES = 24
"""Descriptors the worker itself needs (channel, broker, event loop, streams), on top of the plugin's."""
FILE_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class Plan:
    """One plugin, ready to be started.

    Attributes:
        manifest: what the plugin says about itself.
        grants: declared ∩ policy.
        limits: declared, capped by policy.
        roots: folders its modules are imported from, its own first; verified, read-only.
        folders: its own ``data``, ``cache`` and ``tmp``, existing.
        minimum_tier: below it the worker is killed before it reads a byte of the plugin.
        services: names of host services it may resolve.

    """

    manifest: Manifest
    grants: tuple[Permission, ...]
    limits: PluginResourceLimits
    roots: tuple[Path, ...]
    folders: Mapping[str, Path]
    minimum_tier: Tier = Tier.STANDARD
    services: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.manifest.info.name

    def holds(self, kind: PermissionType) -> bool:
        """Return whether any grant is of this type."""
        return any(grant.type is kind for grant in self.grants)

    def worker_grants(self) -> tuple[Permission, ...]:
        """Return the grants and the one thing every worker has: its empty temporary folder."""
        return (*self.grants, Permission.parse(PermissionType.FILE_SYSTEM, "rw:{tmp}/**"))

    def folder_paths(self) -> dict[str, str]:
        """Return the plugin's own folders as text, links resolved as the kernel will."""
        return {name: os.path.realpath(path) for name, path in self.folders.items()}


def profile_of(plan: Plan, runtime: Path) -> Profile:
    """Return what the kernel layers allow: never less than the grants, narrowed further by the audit hook."""
    folders = plan.folder_paths()
    files = [grant for grant in plan.worker_grants() if grant.type is PermissionType.FILE_SYSTEM]
    return Profile(
        read=(
            *interpreter.stdlib_paths(),
            *interpreter.SYSTEM_LIBRARIES,
            *interpreter.SYSTEM_FILES,
            *interpreter.CERTIFICATES,
            os.path.realpath(runtime),
            *(os.path.realpath(root) for root in plan.roots),
            *(grant.landlock_root(folders) for grant in files if not grant.writes),
        ),
        write=tuple(grant.landlock_root(folders) for grant in files if grant.writes),
        subprocesses=plan.limits.max_subprocess_count if plan.holds(PermissionType.SUBPROCESS) else 0,
        write_xor_execute=not plan.holds(PermissionType.NATIVE),
        memory_bytes=plan.limits.max_memory_mb * MIB,
        open_files=plan.limits.max_file_handles + OWN_HANDLES,
        file_bytes=FILE_BYTES,
        allow_weaker=plan.minimum_tier < Tier.STANDARD,
    )


def setup_of(plan: Plan, runtime: Path, environment: Mapping[str, str]) -> Setup:
    """Return what the worker is told, with the variables of ``environment`` it was granted."""
    wanted = [grant for grant in plan.grants if grant.type is PermissionType.ENVIRONMENT]
    granted = {name: value for name, value in environment.items() if any(grant.allows_name(name) for grant in wanted)}
    return Setup(
        name=plan.name,
        version=plan.manifest.info.version,
        grants=tuple((grant.type.value, grant.pattern) for grant in plan.worker_grants()),
        folders=plan.folder_paths(),
        roots=tuple(os.path.realpath(root) for root in plan.roots),
        environment=granted,
        profile=profile_of(plan, runtime),
    )


NOT_ENFORCED = (
    "max_cpu_percent: not limited yet; a call is ended by its deadline",
    "max_network_requests_per_minute: counts connections, because the broker does not look into TLS",
    "disk use of the plugin's folders: each file is limited, their number is not",
)
"""Said in every receipt: what a limit of the manifest does not mean on this machine."""
