"""Whether a tool is installed, in a version this release was made for."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from theodore_plugin.scanners.scanner import Failure

_OURS = "theodore-plugin"
_REMEDY = 'pip install "theodore-plugin[toolchain]"'


def installed_version(distribution: str) -> str:
    """Return the installed version, or an empty string (for a tool that is no distribution, too)."""
    if not distribution:
        return ""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def unusable(distribution: str) -> Failure | None:
    """Say why a tool cannot be used; ``None`` if it can. One that is no distribution says so itself when it is run."""
    if not distribution:
        return None
    installed = installed_version(distribution)
    if not installed:
        return Failure(f"{distribution} is not installed", _REMEDY)
    required = _requirement(distribution)
    if required is not None and not required.specifier.contains(installed, prereleases=True):
        return Failure(f"{distribution} {installed} is installed; this release needs {required.specifier}", _REMEDY)
    return None


def _requirement(distribution: str) -> Requirement | None:
    """Return our own declared requirement on a tool; none is known when running from an uninstalled checkout."""
    try:
        declared = [Requirement(text) for text in requires(_OURS) or ()]
    except PackageNotFoundError:
        return None
    return next((found for found in declared if canonicalize_name(found.name) == distribution), None)
