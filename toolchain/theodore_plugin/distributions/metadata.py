"""METADATA of a distribution: who it is, and what it requires (core metadata)."""

from __future__ import annotations

from dataclasses import dataclass

from theodore_plugin.distributions.model import normalised


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of METADATA that matters here."""

    name: str
    version: str
    requirements: tuple[str, ...]


def read_metadata(data: bytes) -> Metadata:
    """Read METADATA or PKG-INFO. Missing headers come back empty."""
    from email.parser import HeaderParser

    headers = HeaderParser().parsestr(data.decode("utf-8", "replace"))
    return Metadata(
        normalised(str(headers["Name"] or "").strip()),
        str(headers["Version"] or "").strip(),
        tuple(str(value) for value in headers.get_all("Requires-Dist", ())),
    )
