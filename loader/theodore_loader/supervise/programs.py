"""Which files a grant to run programs means on this machine, decided by the host before the worker starts.

A bare name is looked for in the system's program folders, in a fixed order, and nowhere else: neither the host's
``PATH`` nor the plugin's says what ``git`` is. An absolute path is that file. What others could replace, and what the
plugin could write itself, is no program anybody granted.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.permissions import Permission
from theodore_loader.sandbox.programs import SEARCH_FOLDERS, closure
from theodore_loader.supervise.plan import Plan
from theodore_sdk.info import PermissionType


@dataclass(frozen=True, slots=True)
class Programs:
    """What the granted names are here.

    Attributes:
        files: what the kernel must let a worker execute: the programs, links resolved, their ``#!`` interpreters and
            dynamic loaders.
        missing: grants that give nothing, each with the reason, for the receipt.

    """

    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def resolve(plan: Plan) -> Programs:
    """Find the programs ``plan`` grants.

    Raises:
        ConfigurationProblem: there is none for a permission the plugin cannot do without.

    """
    grants = [grant for grant in plan.grants if grant.type is PermissionType.SUBPROCESS]
    if plan.limits.max_subprocess_count == 0:
        return Programs(missing=tuple(f"{grant}: max_subprocess_count is 0, no program is started" for grant in grants))
    files: list[str] = []
    missing: list[str] = []
    for grant in grants:
        usable, reason = _usable(grant, _writable(plan))
        if not usable:
            _refuse_if_required(plan, grant, reason)
            missing.append(f"{grant}: {reason}")
        files += (part for path in usable for part in closure(path))
    return Programs(tuple(dict.fromkeys(files)), tuple(missing))


def _usable(grant: Permission, writable: tuple[str, ...]) -> tuple[list[str], str]:
    """Return the files of one grant and, when there are none, why."""
    reason = "no such program" if grant.pattern.startswith("/") else f"not found in {':'.join(SEARCH_FOLDERS)}"
    usable = []
    for path in _candidates(grant.pattern):
        problem = _problem(path, writable)
        if problem is None:
            usable.append(path)
        else:
            reason = problem
    return usable, reason


def _candidates(pattern: str) -> Iterator[str]:
    """Yield existing programs: for every name the first in the order of the search path."""
    if pattern.startswith("/"):
        yield from (path for path in (pattern,) if _is_program(path))
        return
    wanted = Permission.parse(PermissionType.SUBPROCESS, pattern)
    seen: set[str] = set()
    for folder in SEARCH_FOLDERS:
        for name in sorted(_names(folder, pattern)):
            path = f"{folder}/{name}"
            if name not in seen and wanted.allows_name(name) and _is_program(path):
                seen.add(name)
                yield path


def _names(folder: str, pattern: str) -> Iterable[str]:
    if "*" not in pattern:
        return (pattern,)
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are wanted
    except OSError:
        return ()


def _is_program(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - strings all the way to the kernel
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & 0o111)


def _problem(path: str, writable: tuple[str, ...]) -> str | None:
    """Say why a program that exists must not be run, or ``None``."""
    real = os.path.realpath(path)
    if any(real == root or real.startswith(root.rstrip("/") + "/") for root in writable):
        return f"{real} lies where the plugin may write: it could put any program there"
    name, real_name = os.path.basename(path), os.path.basename(real)  # noqa: PTH119
    if _runs_anything(real_name) and not _runs_anything(name):
        return f"{name} is {real} here, which runs any program by its first argument; grant it by its own name"
    for at in (real, os.path.dirname(real)):  # noqa: PTH120
        if _replaceable_by_others(at):
            return f"{at} can be changed by other users (chmod go-w, or chown it)"
    return None


def _runs_anything(name: str) -> bool:
    return Permission.parse(PermissionType.SUBPROCESS, name).is_overbroad


def _replaceable_by_others(path: str) -> bool:
    status = os.stat(path)  # noqa: PTH116
    # a sticky folder lets others add files, but not replace this one; /usr/local/bin may belong to a group (Debian)
    folder = stat.S_ISDIR(status.st_mode)
    others = 0o002 if folder else 0o022
    sticky = folder and status.st_mode & stat.S_ISVTX
    return status.st_uid not in (0, os.geteuid()) or bool(status.st_mode & others and not sticky)


def _writable(plan: Plan) -> tuple[str, ...]:
    folders = plan.folder_paths()
    files = (grant for grant in plan.worker_grants() if grant.type is PermissionType.FILE_SYSTEM and grant.writes)
    return tuple(os.path.realpath(grant.landlock_root(folders)) for grant in files)


def _refuse_if_required(plan: Plan, grant: Permission, reason: str) -> None:
    for declared in plan.manifest.info.permissions:
        if declared.type is not PermissionType.SUBPROCESS or not declared.required:
            continue
        if Permission.parse(declared.type, declared.pattern).covers(grant):
            raise ConfigurationProblem(
                f"{plan.name} needs the program {grant.pattern}: {reason}",
                help="install it; a plugin that can live without it declares the permission with required=False",
            )
