"""Lock a plugin's dependencies: which files, with which hashes, wheels only (PEP 751).

``pip lock`` resolves, with the user's own pip configuration, from a generated requirements list in an empty
folder: the project itself is never handed to pip, so nothing of it is built or executed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from theodore_loader.artifact.lock import read_lock
from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.packaging.lock_format import canonical_lock
from theodore_plugin.packaging.requirements import read_requirements
from theodore_plugin.project import PluginProject

if TYPE_CHECKING:
    from packaging.pylock import Pylock
    from packaging.requirements import Requirement

LOCK_NAME = "pylock.toml"
_SECONDS = 900
_EMPTY = b'lock-version = "1.0"\ncreated-by = "pip"\npackages = []\n'


def ensure_lock(project: PluginProject, *, upgrade: bool = False) -> bytes:
    """Return the project's lock in canonical form.

    An existing ``pylock.toml`` that still satisfies ``[project].dependencies`` is used as it is; otherwise, or with
    ``upgrade``, the dependencies are resolved anew and the file is written. Raises :class:`ConfigurationProblem`
    (cannot be resolved) or :class:`Refused` (``direct-url-dependency``, ``unhashed-lock``, …).
    """
    requirements = read_requirements(project.table)
    if project.lock is not None and not upgrade:
        existing = read_lock(project.lock)
        if satisfies(existing, requirements):
            return canonical_lock(existing)
    lock = lock_requirements(requirements, requires_python=_requires_python(project))
    write_atomically(project.root / LOCK_NAME, lock)
    return lock


def lock_requirements(requirements: Sequence[Requirement], *, requires_python: str | None = None) -> bytes:
    """Resolve ``requirements`` for this interpreter and return the canonical lock."""
    resolved = _resolve(requirements) if requirements else _EMPTY
    return canonical_lock(read_lock(resolved), requires_python=requires_python)


def satisfies(lock: Pylock, requirements: Iterable[Requirement]) -> bool:
    """Return whether every requirement that applies here has a locked version inside its range.

    Where nothing is required, a lock that names anything asks for distributions nobody declared.
    """
    locked = {package.name: package.version for package in lock.packages}
    applying = [need for need in requirements if need.marker is None or need.marker.evaluate()]
    if not applying:
        return not locked
    return all(
        (version := locked.get(canonicalize_name(need.name))) is not None
        and need.specifier.contains(version, prereleases=True)
        for need in applying
    )


def _resolve(requirements: Sequence[Requirement]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="theodore-lock-") as folder:
        scratch = Path(folder)
        # Written from parsed requirements, so no line can be an option to pip.
        (scratch / "requirements.txt").write_text("".join(f"{need}\n" for need in requirements), encoding="utf-8")
        argv = [sys.executable, "-P", "-m", "pip", "lock", "--only-binary", ":all:", "--no-input"]
        argv += ["--disable-pip-version-check", "--progress-bar", "off"]
        argv += ["--requirement", "requirements.txt", "--output", LOCK_NAME]
        try:
            done = subprocess.run(argv, cwd=scratch, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise _unresolved(f"pip did not finish within {_SECONDS} s") from None
        if done.returncode:
            raise _unresolved(_reason(done.stderr))
        return (scratch / LOCK_NAME).read_bytes()


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return "\n".join(errors[-5:] or lines[-5:] or ["pip said nothing"])


def _unresolved(reason: str) -> ConfigurationProblem:
    return ConfigurationProblem(
        f"the dependencies cannot be locked:\n{reason}",
        help="check the network, names, ranges and `pip config list`; every dependency needs a wheel, "
        "source-only ones are not used",
    )


def _requires_python(project: PluginProject) -> str | None:
    value = project.table.get("requires-python")
    if value is None:
        return None
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        here = SpecifierSet(value).contains(".".join(map(str, sys.version_info[:3])))
    except (InvalidSpecifier, TypeError):
        raise ConfigurationProblem(f"requires-python {value!r} is no version range", help='write ">=3.11"') from None
    if not here:
        raise ConfigurationProblem(
            f"the plugin requires Python {value}, this is {sys.version.split()[0]}", help="package it with that Python"
        )
    return str(SpecifierSet(value))
