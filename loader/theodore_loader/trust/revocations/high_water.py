"""The highest sequence ever seen of a revoker, which no list may go back behind.

The list is written first and this after it: whoever is killed between the two has the new list, and what is remembered
is put right by the next look at it. The other order would leave a host with a list that it must refuse. Whoever reads
both therefore reads this first.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from theodore_loader import strict_json
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.trust.protected import file_state, read_protected
from theodore_loader.trust.revocations.signed import Facts
from theodore_loader.whole_file import replace_file

WENT_BACK = "revocation-list-went-back"
_MAX_BYTES = 4096


class HighWater(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sequence, and the digest of the list that had it."""

    schema: Literal[1]
    sequence: Annotated[int, msgspec.Meta(ge=1)]
    sha256: str

    def refuse(self, facts: Facts) -> None:
        """Raise ``revocation-list-went-back`` for an older list, or another one with the same sequence."""
        if facts.sequence < self.sequence:
            raise _went_back(f"the list has sequence {facts.sequence}, and {self.sequence} was here already")
        if facts.sequence == self.sequence and facts.sha256 != self.sha256:
            raise _went_back(f"another list with sequence {self.sequence} was here already")


def read(path: Path) -> HighWater | None:
    """Return what is remembered at ``path``, if anything; raises ConfigurationProblem where it is damaged."""
    try:
        return _read(path, file_state(path.stat()))
    except FileNotFoundError:
        return None


@lru_cache(maxsize=64)
def _read(path: Path, _state: tuple[int, ...]) -> HighWater:
    data = read_protected(path, _MAX_BYTES)
    try:
        return msgspec.convert(strict_json.loads(data, max_bytes=_MAX_BYTES), HighWater)
    except (strict_json.JsonError, msgspec.ValidationError) as error:
        raise ConfigurationProblem(
            f"{path} is damaged: {error}",
            help="find out the revoker's newest sequence, then remove the file: what it protected from is forgotten",
        ) from None


def remember(path: Path, facts: Facts) -> None:
    """Write that a list was seen; the caller holds the lock and has refused lists that go back."""
    replace_file(path, msgspec.json.encode(HighWater(1, facts.sequence, facts.sha256)) + b"\n")


def _went_back(what: str) -> Refused:
    return Refused(
        WENT_BACK,
        what,
        help="take in the newest list (theodore-plugin revocations update FILE|URL); a revoker who has lost count goes "
        "on from the highest sequence ever published",
    )
