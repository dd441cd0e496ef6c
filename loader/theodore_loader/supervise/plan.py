"""What a worker is started with, and the sandbox profile that follows from it. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.programs import SEARCH_FOLDERS
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise.meter.usage import DiskLimit
from theodore_loader.worker.setup import Setup
from theodore_sdk.info import PermissionType, PluginResourceLimits

if TYPE_CHECKING:
    from theodore_loader.supervise.programs import Programs

OWN_HANDLES = 24
"""Descriptors the worker itself needs (channel, broker, event loop, streams), on top of the plugin's."""
FILE_BYTES = 64 * MIB
MEMORY_FOLDER_BYTES = 64 * MIB
"""What an isolated plugin's ``tmp`` holds. It is the host's memory, beyond what ``max_memory_mb`` counts."""


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
        disk: what its folders may hold; the host's choice.

    """

    manifest: Manifest
    grants: tuple[Permission, ...]
    limits: PluginResourceLimits
    roots: tuple[Path, ...]
    folders: Mapping[str, Path]
    minimum_tier: Tier = Tier.STANDARD
    services: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    disk: DiskLimit = field(default_factory=DiskLimit)

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.manifest.info.name

    def holds(self, kind: PermissionType) -> bool:
        """Return whether any grant is of this type."""
        return any(grant.type is kind for grant in self.grants)

    def worker_grants(self) -> tuple[Permission, ...]:
        """Return the grants and the one thing every worker has: its empty temporary folder.

        A limit of 0 processes takes every granted program back.
        """
        none = self.limits.max_subprocess_count == 0
        held = (grant for grant in self.grants if not (none and grant.type is PermissionType.SUBPROCESS))
        return (*held, Permission.parse(PermissionType.FILE_SYSTEM, "rw:{tmp}/**"))

    def folder_paths(self) -> dict[str, str]:
        """Return the plugin's own folders as text, links resolved as the kernel will."""
        return {name: os.path.realpath(path) for name, path in self.folders.items()}


def profile_of(plan: Plan, runtime: Path, programs: Programs) -> Profile:
    """Return what the kernel layers allow: never less than the grants, narrowed further by the audit hook.

    Where no granted program is usable nothing can be executed, so nothing may fork either.
    """
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
        execute=programs.files,
        subprocesses=plan.limits.max_subprocess_count if programs.files else 0,
        # Ordinary programs (git among them) give up when they cannot set the mode of a file they just made.
        metadata_changes="ignore" if programs.files else "refuse",
        write_xor_execute=not plan.holds(PermissionType.NATIVE),
        memory_bytes=plan.limits.max_memory_mb * MIB,
        open_files=plan.limits.max_file_handles + OWN_HANDLES,
        file_bytes=min(FILE_BYTES, plan.disk.bytes),
        namespaces=plan.minimum_tier >= Tier.ISOLATED,
        tmpfs=(folders["tmp"],),
        tmpfs_bytes=min(MEMORY_FOLDER_BYTES, plan.disk.bytes),
        allow_weaker=plan.minimum_tier < Tier.STANDARD,
    )


def setup_of(plan: Plan, runtime: Path, environment: Mapping[str, str], programs: Programs) -> Setup:
    """Return what the worker is told, with the variables of ``environment`` it was granted.

    With programs comes the ``PATH`` they were found on, whatever the host's is: a name must mean one file.
    """
    wanted = [grant for grant in plan.grants if grant.type is PermissionType.ENVIRONMENT]
    granted = {name: value for name, value in environment.items() if any(grant.allows_name(name) for grant in wanted)}
    if programs.files:
        granted["PATH"] = os.pathsep.join(SEARCH_FOLDERS)
    return Setup(
        name=plan.name,
        version=plan.manifest.info.version,
        grants=tuple((grant.type.value, grant.pattern) for grant in plan.worker_grants()),
        folders=plan.folder_paths(),
        roots=tuple(os.path.realpath(root) for root in plan.roots),
        environment=granted,
        profile=profile_of(plan, runtime, programs),
    )


NOT_ENFORCED = (
    "max_network_requests_per_minute: counts connections, and requests of http.fetch: what TLS carries is not seen",
)
"""Said in every receipt: what a limit of the manifest does not mean on any machine."""

METADATA_IGNORED = (
    "changes of modes, owners and times: answered with success and not done, for the sake of those programs",
)
WITH_PROGRAMS = (
    "native code: programs map their own code from files, so the kernel no longer refuses that to the worker",
)
"""Said where a program is granted; the former where writable files are not the plugin's alone."""
UNHELD = ("programs: one that leaves its process group goes on after its worker, for no kernel layer keeps it there",)
"""Said where a program is granted and the worker did not reach tier ``standard``."""


def not_enforced(
    programs: Programs,
    measured: tuple[str, ...] = (),
    minimum_tier: Tier = Tier.STANDARD,
    achieved: int = Tier.STANDARD,
) -> tuple[str, ...]:
    """Return for the receipt what is asked for and does not hold, or gives nothing, on this machine.

    ``measured`` is what the worker's meter has to say about it, ``achieved`` the tier it has reached.
    """
    metadata = METADATA_IGNORED if minimum_tier < Tier.ISOLATED else ()
    unheld = UNHELD if achieved < Tier.STANDARD else ()
    granted = (*metadata, *WITH_PROGRAMS, *unheld) if programs.files else ()
    return (*NOT_ENFORCED, *measured, *granted, *programs.missing)
