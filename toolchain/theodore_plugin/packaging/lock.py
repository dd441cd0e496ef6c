"""Lock a plugin's dependencies: which files, with which hashes, wheels only (PEP 751), for everything it declares.

One lock serves every Python and platform in the declared range (:mod:`.targets`). It is resolved by :mod:`.resolver`
from parsed requirements: the project itself is never handed to it, so nothing of the project is built, executed or
believed. A lock that still serves is kept, and one that is made again keeps every version and file that still fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from theodore_loader.artifact.lock import parse_lock, read_lock
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.policy.model import DependencyAge
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.packaging.index_settings import IndexSettings, read_index_settings
from theodore_plugin.packaging.lock_coverage import problems, refuse_missing_wheels
from theodore_plugin.packaging.lock_format import canonical_lock
from theodore_plugin.packaging.relock import locked_packages
from theodore_plugin.packaging.requirements import read_requirements
from theodore_plugin.packaging.resolver import Preference, Request, Resolution, resolve
from theodore_plugin.packaging.resolver_failure import NoUploadTimes
from theodore_plugin.packaging.targets import declared_range
from theodore_plugin.project import PluginProject

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock

LOCK_NAME = "pylock.toml"
_ANY_AGE = DependencyAge()
_EMPTY: Mapping[str, Any] = {"lock-version": "1.0", "created-by": "theodore-plugin", "packages": []}


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Which locked versions are let go: all of them, or those of the named distributions."""

    everything: bool = False
    names: tuple[str, ...] = ()


KEEP = Upgrade()


@dataclass(frozen=True, slots=True)
class Relocked:
    """A lock made anew: its bytes, the lock it replaces if that could be read, and what the resolver warned of."""

    lock: bytes
    before: Pylock | None
    warnings: tuple[str, ...] = ()

    @property
    def after(self) -> Pylock:
        """The new lock, parsed."""
        return read_lock(self.lock)


def ensure_lock(project: PluginProject, *, upgrade: bool = False, age: DependencyAge = _ANY_AGE) -> bytes:
    """Return the project's lock in canonical form.

    An existing ``pylock.toml`` that still serves ``[project].dependencies`` in the whole declared range is used as it
    is; otherwise, or with ``upgrade``, the dependencies are resolved and the file is written. ``age`` is how old a
    release has to be. Raises :class:`ConfigurationProblem` (cannot be resolved) or :class:`Refused`
    (``direct-url-dependency``, ``unhashed-lock``, …).
    """
    if project.lock is not None and not upgrade:
        existing = read_lock(project.lock)
        if next(stale(project, existing), None) is None:
            return canonical_lock(existing)
    made = relock(project, Upgrade(everything=upgrade), age=age)
    write_lock(project, made)
    return made.lock


def stale(project: PluginProject, lock: Pylock) -> Iterator[str]:
    """Iterate over why a lock no longer serves the project; no index is asked."""
    return problems(lock, read_requirements(project.table), declared_range(project))


def relock(
    project: PluginProject,
    upgrade: Upgrade = KEEP,
    *,
    age: DependencyAge = _ANY_AGE,
    now: datetime | None = None,
    indexes: IndexSettings | None = None,
) -> Relocked:
    """Resolve a project's dependencies and return its new lock, without writing it.

    ``now`` is what ages are counted from; ``indexes`` replaces what pip is configured for. Raises as
    :func:`ensure_lock`.
    """
    requirements, wanted = read_requirements(project.table), declared_range(project)
    before = _readable(project, upgrade)
    _refuse_unknown(upgrade.names, before)
    if not requirements:
        return Relocked(canonical_lock(parse_lock(_EMPTY), requires_python=wanted.python), before)
    kept = _kept(before, upgrade)
    request = Request(requirements, wanted, indexes or read_index_settings(), _wishes(kept), refresh=upgrade != KEEP)
    resolution = _resolved(request, age, now or datetime.now(UTC))
    packages = locked_packages(resolution, wanted, kept)
    refuse_missing_wheels(packages, wanted)
    lock = replace(parse_lock(resolution.document), packages=packages)
    return Relocked(canonical_lock(lock, requires_python=wanted.python), before, resolution.warnings)


def write_lock(project: PluginProject, made: Relocked) -> None:
    """Put a new lock beside the project's ``pyproject.toml``, in one step."""
    write_atomically(project.root / LOCK_NAME, made.lock)


def _readable(project: PluginProject, upgrade: Upgrade) -> Pylock | None:
    """Return the lock that is there; one that cannot be read is only passed over if nothing of it is to be kept."""
    if project.lock is None:
        return None
    try:
        return read_lock(project.lock)
    except Refused:
        if upgrade.everything:
            return None
        raise


def _refuse_unknown(names: Sequence[str], before: Pylock | None) -> None:
    locked = {package.name for package in before.packages} if before else set()
    if unknown := [name for name in names if canonicalize_name(name) not in locked]:
        raise ConfigurationProblem(
            f"not in the lock: {', '.join(unknown)}",
            help="name a locked distribution, or use --upgrade",
        )


def _kept(before: Pylock | None, upgrade: Upgrade) -> tuple[Package, ...]:
    if before is None or upgrade.everything:
        return ()
    released = {canonicalize_name(name) for name in upgrade.names}
    return tuple(package for package in before.packages if package.name not in released)


def _wishes(kept: Sequence[Package]) -> tuple[Preference, ...]:
    return tuple(
        Preference(package.name, str(package.version), str(package.marker) if package.marker else None)
        for package in kept
    )


def _resolved(request: Request, age: DependencyAge, now: datetime) -> Resolution:
    if not age.minimum_release_age_days:
        return resolve(request)
    try:
        return resolve(replace(request, not_after=newest(age, now)))
    except NoUploadTimes as unknown:
        if age.on_unknown_age != "warning":
            raise
        found = resolve(request)
        return replace(found, warnings=(*found.warnings, unknown.message.splitlines()[0].rstrip(":")))


def newest(age: DependencyAge, now: datetime) -> datetime:
    """Return until when a release may have been uploaded: a midnight (UTC), so that a day gives one answer."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(
        days=age.minimum_release_age_days
    )
