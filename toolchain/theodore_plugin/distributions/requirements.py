"""METADATA of a distribution: who it is, and what it requires here (core metadata, PEP 508)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.parser import HeaderParser

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of METADATA that matters here."""

    name: str
    version: str
    requires: tuple[str, ...]


def read_metadata(data: bytes, python: tuple[int, int] | None = None) -> Metadata:
    """Read METADATA or PKG-INFO; ``python`` is the minor version markers are asked about, default the running one.

    Missing headers come back empty; a requirement that cannot be read counts, by the name it begins with.
    """
    headers = HeaderParser().parsestr(data.decode("utf-8", "replace"))
    lines = [str(value) for value in headers.get_all("Requires-Dist", ())]
    return Metadata(
        canonicalize_name(str(headers["Name"] or "").strip()),
        str(headers["Version"] or "").strip(),
        tuple(sorted({name for line in lines if (name := required_name(line, python)) is not None})),
    )


def required_name(line: str, python: tuple[int, int] | None = None) -> str | None:
    """Return the normalised name a requirement asks for, or ``None`` if it does not apply here."""
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        named = _NAME.match(line)
        return canonicalize_name(named[1]) if named else None
    if requirement.marker is not None and not _holds(requirement.marker, python):
        return None
    return canonicalize_name(requirement.name)


def _holds(marker: Marker, python: tuple[int, int] | None) -> bool:
    """Evaluate a marker; what cannot be evaluated counts as holding."""
    environment = {"extra": ""}
    if python is not None:
        version = f"{python[0]}.{python[1]}"
        environment |= {"python_version": version, "python_full_version": f"{version}.0"}
    try:
        return marker.evaluate(environment)
    except (UndefinedComparison, UndefinedEnvironmentName):
        return True
