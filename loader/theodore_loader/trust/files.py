"""The names of the files beside a wheel, and how they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.regular_file import read_beyond

BUNDLE_SUFFIX = ".sigstore.json"
ATTESTATIONS_SUFFIX = ".attestations.jsonl"
MAX_WHEEL = 256 << 20
MAX_BUNDLE = 1 << 20
"""Largest bundle, and largest line of attestations, in bytes."""
MAX_ATTESTATIONS = 32
SBOM_SUFFIX = ".cdx.json"
MAX_SBOM = 8 << 20
"""Largest SBOM that is read, in bytes."""


@dataclass(frozen=True, slots=True)
class SignedFiles:
    """A wheel's bytes and what lies beside it; ``None`` is a file that is not there.

    ``unpacked`` are the files of a wheel that this host keeps unpacked, as they were read from disk.
    """

    filename: str
    data: bytes
    bundle: bytes | None
    attestations: bytes | None
    sbom: bytes | None = None
    unpacked: Mapping[str, bytes] | None = None
    _sha256: str | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def sha256(self) -> str:
        """The wheel's digest in hex: made from the bytes at first use, and never taken over from anybody."""
        if self._sha256 is None:
            object.__setattr__(self, "_sha256", hashlib.sha256(self.data).hexdigest())
        return self._sha256 or ""


def bundle_path(wheel: Path) -> Path:
    """Return where the publisher's bundle is: any sigstore tool looks there too."""
    return wheel.with_name(wheel.name + BUNDLE_SUFFIX)


def attestations_path(wheel: Path) -> Path:
    """Return where the DSSE bundles are, one a line."""
    return wheel.with_name(wheel.name + ATTESTATIONS_SUFFIX)


def sbom_path(wheel: Path) -> Path:
    """Return where the SBOM is: one for all wheels of a version."""
    return wheel.with_name("-".join(wheel.name.split("-")[:2]) + SBOM_SUFFIX)


def read_signed(wheel: Path) -> SignedFiles:
    """Read a wheel and its companions, each once. Raises ConfigurationProblem if there is no such wheel."""
    refuse_missing(wheel)
    return SignedFiles(
        wheel.name,
        read_beyond(wheel, MAX_WHEEL),
        _if_there(bundle_path(wheel), MAX_BUNDLE),
        read_attestations(wheel),
        _if_there(sbom_path(wheel), MAX_SBOM),
    )


def read_attestations(wheel: Path) -> bytes | None:
    """Read the DSSE bundles beside a wheel, if there are any."""
    return _if_there(attestations_path(wheel), MAX_BUNDLE * MAX_ATTESTATIONS)


def refuse_missing(path: Path) -> None:
    """Raise ConfigurationProblem unless ``path`` names a regular file."""
    if not path.is_file():
        raise ConfigurationProblem(
            f"{path} is not a file" if path.exists() else f"{path}: no such file",
            help="name a wheel with its signatures beside it; `theodore-plugin package` and `sign` make them",
        )


def _if_there(path: Path, limit: int) -> bytes | None:
    if not path.exists():
        return None
    refuse_missing(path)
    return read_beyond(path, limit)
