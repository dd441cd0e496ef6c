"""``pylock.toml`` as a host believes it: registry packages, wheels only, each with a SHA-256.

Source: PEP 751, read and selected from by :mod:`packaging.pylock`; this module adds what a host demands beyond it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from packaging.markers import UndefinedEnvironmentName
from packaging.pylock import Package, PackageWheel, Pylock, PylockSelectError, PylockValidationError

from theodore_loader import strict_toml
from theodore_loader.errors import Refused

_SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_BYTES = 1024 * 1024
"""Some hundreds of distributions with all their wheels. What is made to waste time wastes two seconds by then."""
_RELOCK = "lock again with `theodore-plugin package --upgrade-lock`"


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """One distribution to install: normalised name, version, and the one acceptable file."""

    name: str
    version: str
    filename: str
    sha256: str


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One version that a lock brings along, on whichever interpreter: its name, and the SHA-256 of all its wheels."""

    name: str
    version: str
    sha256: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def read_lock(data: bytes) -> Pylock:
    """Parse a lock strictly.

    Raises :class:`Refused` with ``unpinned-lock`` (not a lock, or a version is missing), ``unhashed-lock``,
    ``direct-url-dependency`` or ``sdist-only-dependency``.
    """
    if len(data) > MAX_BYTES:
        raise Refused(
            "unpinned-lock",
            f"the lock is {len(data):,} bytes large, more than {MAX_BYTES:,}",
            help="lock for fewer platforms and Pythons ([tool.theodore-plugin] platforms, requires-python),"
            " or depend on less",
        )
    try:
        table = strict_toml.loads(data.decode("utf-8"))
    except ValueError as defect:
        raise _invalid(defect) from None
    return parse_lock(table)


def parse_lock(table: Mapping[str, Any]) -> Pylock:
    """Read a lock that is parsed as TOML already; raises as :func:`read_lock` does."""
    try:
        lock = Pylock.from_dict(table)
    except (PylockValidationError, RecursionError) as defect:
        raise _invalid(defect) from None
    for package in lock.packages:
        _check_package(package)
    return lock


def select_wheels(lock: Pylock) -> tuple[LockedWheel, ...]:
    """Return what this interpreter installs.

    Raises :class:`Refused`: ``sdist-only-dependency`` if nothing fits it, ``unpinned-lock`` for senseless markers.
    """
    try:
        selected = [(package, source) for package, source in lock.select() if isinstance(source, PackageWheel)]
    except PylockSelectError as defect:
        raise Refused(
            "sdist-only-dependency",
            f"the lock has nothing for this interpreter: {defect}",
            help="ask the plugin's author for a lock that covers this platform and Python version",
        ) from None
    except (ValueError, UndefinedEnvironmentName) as defect:  # a well-formed marker that has no answer here
        raise Refused("unpinned-lock", f"the lock has a marker without meaning: {defect}", help=_RELOCK) from None
    return tuple(
        LockedWheel(str(package.name), str(package.version), wheel.filename, wheel.hashes["sha256"])
        for package, wheel in selected
    )


@lru_cache(maxsize=8)
def locked_packages(data: bytes | None) -> tuple[LockedPackage, ...]:
    """Return everything a lock names, for all interpreters at once; nothing without a lock. Raises as `read_lock`."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for package in read_lock(data).packages if data is not None else ():
        digests = found.setdefault((str(package.name), str(package.version)), {})
        digests.update(dict.fromkeys(wheel.hashes["sha256"] for wheel in package.wheels or ()))
    return tuple(LockedPackage(*named, tuple(digests)) for named, digests in found.items())


def _invalid(defect: Exception) -> Refused:
    return Refused("unpinned-lock", f"the lock is not a valid pylock.toml: {defect}", help=_RELOCK)


def _check_package(package: Package) -> None:
    if package.is_direct:
        raise Refused(
            "direct-url-dependency",
            f"the lock takes {package.name} from a repository, folder or archive instead of an index",
            help="depend on a published version",
        )
    if not package.wheels:
        raise Refused(
            "sdist-only-dependency",
            f"the lock has no wheel of {package.name}, so installing it would run its build",
            help="choose a version that has wheels",
        )
    if package.version is None:
        raise Refused("unpinned-lock", f"the lock names no version of {package.name}", help=_RELOCK)
    for wheel in package.wheels:
        if not _SHA256.fullmatch(str(wheel.hashes.get("sha256", ""))):
            raise Refused("unhashed-lock", f"the lock has no SHA-256 of {wheel.filename}", help=_RELOCK)
