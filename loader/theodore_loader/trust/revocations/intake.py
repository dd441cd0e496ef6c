"""Taking in a list that somebody handed over: all of it or nothing, and never back.

1. authentic, and the list of a revoker of the trust file
2. issued, and not expired
3. not older than what was seen of this revoker before, nor another one of the same sequence
4. recorded as a decision
5. written: the list, then the sequence (see ``high_water``), then what it says, sealed

Whatever refuses, or whoever is killed, the list in place stays in force.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.paths import private_dir
from theodore_loader.trust.revocations import high_water, kept
from theodore_loader.trust.revocations.high_water import HighWater
from theodore_loader.trust.revocations.kept import Place
from theodore_loader.trust.revocations.signed import Facts, SignedList, authenticate, refuse_untimely
from theodore_loader.trust.trust_file import Revoker, TrustFile
from theodore_loader.whole_file import replace_file


@dataclass(frozen=True, slots=True)
class TakenIn:
    """The list that is in place now, and what was there before; ``changed`` is false if it was this very list."""

    signed: SignedList
    before: Facts | None
    changed: bool


def take_in(
    data: bytes,
    trust: TrustFile,
    home: Path,
    now: datetime,
    *,
    revoker: str | None = None,
    record: Callable[[SignedList], None] = lambda _: None,
) -> TakenIn:
    """Put the list in ``data`` in place; ``revoker`` is the one whose it is to be, by default any of the trust file.

    ``record`` is told before anything is written, and can still refuse.

    Raises:
        Refused: ``signature-invalid``, ``signer-not-trusted``, ``revocation-list-invalid``,
            ``revocation-list-stale`` or ``revocation-list-went-back``.
        ConfigurationProblem: no such revoker, or a damaged file of the state folder.

    """
    wanted = trust.revokers if revoker is None else (revoker_of(trust, revoker),)
    signed = authenticate(data, wanted, trust.roots)
    refuse_untimely(signed.facts, now)
    place = Place(home, signed.revoker.id)
    private_dir(place.bundle.parent)
    with place.lock:
        before = _refuse_older(place, signed, trust)
        if before is not None and before.sha256 == signed.facts.sha256:
            return TakenIn(signed, before, changed=False)
        record(signed)
        replace_file(place.bundle, data)
        high_water.remember(place.sequence, signed.facts)
        kept.settle(place, kept.origin_of(data, place, signed.revoker, trust.roots), signed)
    return TakenIn(signed, before, changed=True)


def revoker_of(trust: TrustFile, name: str) -> Revoker:
    """Return the revoker with this id; raises ConfigurationProblem where the trust file has none."""
    for revoker in trust.revokers:
        if revoker.id == name:
            return revoker
    known = ", ".join(revoker.id for revoker in trust.revokers) or "none"
    raise ConfigurationProblem(
        f"{trust.path} names no revoker {name!r} (it names {known})", help="theodore-plugin trust add-revoker --help"
    )


def _refuse_older(place: Place, signed: SignedList, trust: TrustFile) -> Facts | None:
    """Hold a list against what is remembered and what is in place; return the latter, where it is acceptable."""
    highest = high_water.read(place.sequence)
    if highest is not None:
        highest.refuse(signed.facts)
    try:
        present = kept.opened(place.home, signed.revoker, trust.roots).facts
    except (Refused, ConfigurationProblem):
        return None  # damaged, removed, or another signer's: what is taken in replaces it
    # where somebody was killed before the sequence was written, the list knows better
    HighWater(1, present.sequence, present.sha256).refuse(signed.facts)
    return present
