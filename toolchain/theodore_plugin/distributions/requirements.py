"""Which distributions a requirement asks for here (PEP 508).

Most requirements are a name and versions, or belong to an extra; those are read without :mod:`packaging`, whose
import takes longer than reading all of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from theodore_plugin.distributions.model import normalised

if TYPE_CHECKING:
    from packaging.markers import Marker

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*")
_VERSIONS = re.compile(r"(?:[<>=!~]=?=?\s*[\w.*+!-]+\s*(?:,\s*|$))*")
_EXTRA_ONLY = re.compile(r"""[^;]*;\s*extra\s*==\s*(?:'[^']*'|"[^"]*")\s*""")


def required_name(line: str, python: tuple[int, int] | None = None) -> str | None:
    """Return the normalised name a requirement asks for, or ``None`` if it does not apply here.

    ``python`` is the minor version markers are asked about, by default the running one. What cannot be read counts,
    by the name it begins with.
    """
    named = _NAME.match(line)
    if named is None or _EXTRA_ONLY.fullmatch(line):
        return None
    if _VERSIONS.fullmatch(line, named.end()):
        return normalised(named[1])
    return _evaluated(line, named[1], python)


def _evaluated(line: str, name: str, python: tuple[int, int] | None) -> str | None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        marker = Requirement(line).marker
    except InvalidRequirement:
        return normalised(name)
    return normalised(name) if marker is None or _holds(marker, python) else None


def _holds(marker: Marker, python: tuple[int, int] | None) -> bool:
    """Evaluate a marker; what cannot be evaluated counts as holding."""
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName

    environment = {"extra": ""}
    if python is not None:
        version = f"{python[0]}.{python[1]}"
        environment |= {"python_version": version, "python_full_version": f"{version}.0"}
    try:
        return marker.evaluate(environment)
    except (UndefinedComparison, UndefinedEnvironmentName):
        return True
