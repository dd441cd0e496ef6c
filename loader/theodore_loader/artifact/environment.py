"""The locked dependencies of one plugin, unpacked where only its worker will look.

::

    <home>/environments/<lock digest>-<interpreter tag>/
        .lock
        environment/wheels/<file name>.whl    what pip fetched, each with the hash the lock states
        environment/site/…                    what of them is importable, read-only

No installer runs: pip only downloads (never builds), the wheels are read with this package's own checks, and
the host's site-packages are never involved. Opening compares ``site`` with the wheels and the wheels with the
lock again, so what the signed lock states is what a worker imports.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from filelock import FileLock
from packaging.markers import default_environment
from packaging.tags import sys_tags

from theodore_loader.artifact import contents, tree
from theodore_loader.artifact.closure import refuse_gaps, refuse_surplus
from theodore_loader.artifact.download import download
from theodore_loader.artifact.entry_name import check_collisions, folded
from theodore_loader.artifact.lock import LockedWheel, read_lock, select_wheels
from theodore_loader.artifact.wheel import Wheel, read_dependency_wheel
from theodore_loader.errors import Refused
from theodore_loader.paths import private_dir
from theodore_loader.trust.known_trees import KnownTrees, key_of

_WHEELS, _SITE = "wheels", "site"


def ensure_environment(
    lock: bytes,
    home: Path,
    *,
    plugin: Wheel | None = None,
    allow_native: bool = False,
    find_links: Sequence[Path] = (),
    known: KnownTrees | None = None,
) -> Path:
    """Return the import folder of the locked dependencies, creating it at first use.

    ``lock`` is the content of a ``pylock.toml``; ``plugin`` is the wheel whose requirements the lock has to be about;
    ``allow_native`` says whether that plugin was granted machine code; ``find_links`` are folders of wheels to look in
    besides what pip is configured to use; ``known`` remembers what was checked, so that it is hashed only. Safe to call
    from several processes. Raises :class:`Refused` (the lock or a wheel is not acceptable, ``native-not-granted``,
    ``unrequired-locked-package``, ``record-mismatch`` if the folder was changed) or :class:`ConfigurationProblem` (a
    wheel cannot be fetched).
    """
    locked = hashlib.sha256(lock).hexdigest()
    parent = private_dir(home / "environments" / f"{locked}-{_interpreter()}")
    final = parent / "environment"
    key = key_of("environment", locked, _surroundings(), None if plugin is None else plugin.sha256, allow_native)
    if known is not None and known.holds(key, final / _SITE):
        return final / _SITE
    wanted = select_wheels(read_lock(lock))
    with FileLock(parent / ".lock"):
        tree.sweep(parent)
        if not final.is_dir():
            _create(final, wanted, find_links, allow_native=allow_native)
    site = _open(final, wanted, plugin, allow_native=allow_native)
    if known is not None:
        known.keep(key, site)
    return final / _SITE


def _create(final: Path, wanted: Sequence[LockedWheel], find_links: Sequence[Path], *, allow_native: bool) -> None:
    wheels = [_read(data, locked) for locked, data in zip(wanted, download(wanted, find_links), strict=True)]
    _refuse_native(wheels, allow_native=allow_native)
    refuse_gaps(wheels)
    site = _merged(wheels)
    with tree.appearing(final) as partial:
        for folder in (_WHEELS, _SITE):
            (partial / folder).mkdir()
        tree.write_tree(partial / _WHEELS, {wheel.filename: wheel.data for wheel in wheels})
        tree.write_tree(partial / _SITE, site)


def _open(
    final: Path, wanted: Sequence[LockedWheel], plugin: Wheel | None, *, allow_native: bool
) -> Mapping[str, bytes]:
    """Check everything that is there, and return what is importable of it."""
    wheels = [_read(tree.read_regular(final / _WHEELS / locked.filename) or b"", locked) for locked in wanted]
    _refuse_native(wheels, allow_native=allow_native)
    if plugin is not None:  # every time, because plugins with the same lock share the folder
        refuse_surplus(wheels, plugin)
    site, content = final / _SITE, _merged(wheels)
    if problems := tree.differences(site, content):
        raise Refused(
            "record-mismatch",
            f"the environment was changed after it was made, in {site}: {'; '.join(problems[:3])}",
            help=f"remove {final.parent} (it is made again) and find out who wrote there",
        )
    return content


def _read(data: bytes, locked: LockedWheel) -> Wheel:
    if hashlib.sha256(data).hexdigest() != locked.sha256:
        raise Refused(
            "digest-mismatch",
            f"{locked.filename} does not have the SHA-256 that the lock states",
            help="the index, a mirror or the state folder serves another file than was locked; do not use it",
        )
    return read_dependency_wheel(data, locked.filename)


def _refuse_native(wheels: Sequence[Wheel], *, allow_native: bool) -> None:
    native = [wheel for wheel in wheels if wheel.native_files]
    if native and not allow_native:
        names = ", ".join(f"{wheel.name} ({wheel.native_files[0]})" for wheel in native)
        raise Refused(
            "native-not-granted",
            f"these dependencies are machine code, and the plugin was not granted any: {names}",
            help="the plugin must declare a `native` permission and the host's policy must allow it",
        )


def _merged(wheels: Sequence[Wheel]) -> Mapping[str, bytes]:
    """Return all files of all wheels; the same path with other content in two of them is refused."""
    site: dict[str, bytes] = {}
    owners: dict[str, str] = {}
    for wheel in wheels:
        for name, content in contents.unpacked(wheel.entries).items():
            other = owners.setdefault(folded(name), wheel.name)
            if site.get(name, content) != content or (other != wheel.name and name not in site):
                raise _conflict(name, other, wheel.name)
            site[name] = content
    check_collisions(site, ())
    return site


def _conflict(name: str, first: str, second: str) -> Refused:
    return Refused(
        "unclean-dependency-wheel",
        f"{first} and {second} both bring {name!r}: which one is imported would be chance",
        help="drop one of the two dependencies, or choose versions that do not overlap",
    )


def _interpreter() -> str:
    """Name the interpreter by its most specific wheel tag, so that another one gets its own environment."""
    return str(next(iter(sys_tags())))


def _surroundings() -> str:
    """Return everything about this machine that says which of the locked wheels apply (PEP 508 markers, tags)."""
    return json.dumps([_interpreter(), default_environment()], sort_keys=True)
