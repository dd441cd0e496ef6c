"""What the command line says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Persona(Enum):
    """Who reads the report: an auditor also sees findings of low confidence."""

    REGULAR = "regular"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; ``None`` or nothing means not said.

    ``lock`` is a PEP 751 lock made for this check; ``profile`` the name or the file of a registry's terms.
    """

    policy: str | Path | None = None
    audience: str | None = None
    profile: str | None = None
    advisories: str | None = None
    persona: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    min_severity: str | None = None
    min_confidence: str | None = None
    baseline: Path | None = None
    as_library: bool | None = None
    lock: bytes | None = None
    environment: Path | None = None
    capability_maps: tuple[Path, ...] = ()
    scanners: tuple[Path, ...] = ()
    no_cache: bool = False


NOTHING_SAID = Options()
