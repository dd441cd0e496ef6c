"""From a resolver's answer to the packages of a lock, changing no more of the former lock than has to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from theodore_loader.artifact.lock import parse_lock
from theodore_loader.errors import Refused
from theodore_plugin.packaging.lock_coverage import applies, fitting, missing
from theodore_plugin.packaging.resolver import Resolution
from theodore_plugin.packaging.targets import Range

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.pylock import Package, PackageWheel
    from packaging.tags import Tag


def locked_packages(resolution: Resolution, wanted: Range, kept: Sequence[Package]) -> list[Package]:
    """Return the packages to lock: with the wheels that fit something declared, and who depends on whom.

    Of a version in ``kept``, the files stay as they were if they serve everything: an index that has got more files
    since changes nothing. Raises :class:`Refused` (``digest-mismatch`` if the index now has other bytes under a name
    that is locked, and what :func:`parse_lock` refuses).
    """
    tags = frozenset(tag for target in wanted.targets for tag in target.tags)
    before = {(package.name, str(package.version)): package for package in kept}
    versions: dict[str, int] = {}
    parsed = parse_lock(resolution.document).packages
    for package in parsed:
        versions[package.name] = versions.get(package.name, 0) + 1
    found = []
    for package in parsed:
        narrowed = replace(_narrowed(package, tags), dependencies=_dependencies(package, resolution, versions))
        if narrowed.wheels or any(applies(package, target) for target in wanted.targets):
            former = before.get((package.name, str(package.version)))
            marker = _marker(package, former, wanted, only=versions[package.name] == 1)
            found.append(replace(_settled(narrowed, former, wanted), marker=marker))
    return found


def _narrowed(package: Package, tags: frozenset[Tag]) -> Package:
    names = fitting(package, tags)
    return replace(package, wheels=[wheel for wheel in package.wheels or () if wheel.filename in names])


def _dependencies(package: Package, resolution: Resolution, versions: Mapping[str, int]) -> list[Mapping[str, Any]]:
    """Return references to other packages, as short as they are unambiguous (PEP 751, ``packages.dependencies``)."""
    needs = resolution.dependencies.get((package.name, str(package.version)), ())
    return [
        {"name": name} if versions[name] == 1 else {"name": name, "version": version}
        for name, version in needs
        if name in versions
    ]


def _marker(package: Package, before: Package | None, wanted: Range, *, only: bool) -> Marker | None:
    """Return a package's condition, in the words it was locked with before if they still mean the same.

    A resolver repeats in every condition what the lock's ``environments`` say already; where a package is meant for
    every declared interpreter, and is there in one version only, nothing is left to say.
    """
    if before is not None and wanted.agree(package.marker, before.marker):
        return before.marker
    return None if only and wanted.agree(package.marker, None) else package.marker


def _settled(package: Package, before: Package | None, wanted: Range) -> Package:
    if before is None:
        return package
    offered = {wheel.filename: wheel for wheel in package.wheels or ()}
    for wheel in before.wheels or ():
        _refuse_other_bytes(wheel, offered.get(wheel.filename))
    former = _narrowed(before, frozenset(tag for target in wanted.targets for tag in target.tags))
    former = replace(package, wheels=[_dated(wheel, offered.get(wheel.filename)) for wheel in former.wheels or ()])
    return package if missing(former, wanted.targets) or not former.wheels else former


def _refuse_other_bytes(locked: PackageWheel, offered: PackageWheel | None) -> None:
    if offered is not None and offered.hashes["sha256"] != locked.hashes["sha256"]:
        raise Refused(
            "digest-mismatch",
            f"the index now serves other bytes as {locked.filename} than were locked",
            help="a published file never changes: find out who changed it; if it is right, lock it anew with "
            "`theodore-plugin lock --upgrade-package`",
        )


def _dated(locked: PackageWheel, offered: PackageWheel | None) -> PackageWheel:
    if locked.upload_time is not None or offered is None:
        return locked
    return replace(locked, upload_time=offered.upload_time)
