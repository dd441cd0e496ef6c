"""The bill of materials: the one inside the wheel, the one beside it and the one that was signed are one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from theodore_loader.errors import Refused
from theodore_loader.trust.attestations import Attestation
from theodore_loader.trust.references import References

_AGAIN = "fetch wheel, SBOM and attestations again from where they were published; or package and sign again"


def check_sbom(attestations: Sequence[Attestation], inside: bytes | None, beside: bytes | None) -> str:
    """Return in words what there is, or nothing. Raises ``Refused`` (``sbom-mismatch``) if two of them differ.

    A file beside a wheel that holds none and has none signed is nobody's word, and not looked at.
    """
    signed = {one.predicate.sbom.digest.sha256 for one in attestations if isinstance(one.predicate, References)}
    found = {place: hashlib.sha256(data).hexdigest() for place, data in _there(inside, beside)}
    for place, digest in found.items():
        if signed - {digest}:
            raise _mismatch(f"the SBOM {place} the wheel (sha256 {digest[:16]}…) is not the one that was signed")
    if len(set(found.values())) > 1:
        raise _mismatch("the SBOM beside the wheel is not the one inside")
    if signed:
        return "SBOM signed"
    return "SBOM inside, not signed" if inside is not None else ""


def _there(inside: bytes | None, beside: bytes | None) -> list[tuple[str, bytes]]:
    return [(place, data) for place, data in (("inside", inside), ("beside", beside)) if data is not None]


def _mismatch(message: str) -> Refused:
    return Refused("sbom-mismatch", message, help=_AGAIN)
