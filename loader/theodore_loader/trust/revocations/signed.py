"""A signed list, from untrusted bytes to what it says: authenticated before a byte of it is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from theodore_loader.errors import Refused
from theodore_loader.trust.bundles import ParsedBundle, parse_bundle
from theodore_loader.trust.revocations.document import Document, Entry, ListInvalid, read_statement
from theodore_loader.trust.signatures import OtherSigner, Signatures, Signer
from theodore_loader.trust.statements import PAYLOAD_TYPE
from theodore_loader.trust.trust_file import Revoker, Root

INVALID = "revocation-list-invalid"
STALE = "revocation-list-stale"
MAX_BUNDLE = 48 << 20
"""Largest bundle of a list, in bytes: a payload of ``document.MAX_BYTES`` in base64, and its signature."""
SKEW = timedelta(minutes=5)
"""By how much clocks may differ."""
_FETCH = "fetch it again from where the revoker publishes it: theodore-plugin revocations update FILE|URL"


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What there is to say of a list without its entries; ``entries`` counts those that hold."""

    sequence: int
    issued: datetime
    expires: datetime | None
    sha256: str
    entries: int
    withdrawn: int
    signer: Signer | None = None


@dataclass(frozen=True, slots=True)
class SignedList:
    """An authentic list of a revoker."""

    revoker: Revoker
    facts: Facts
    entries: Sequence[Entry]


def facts_of(document: Document, sha256: str, signer: Signer | None = None) -> Facts:
    """Return what there is to say of ``document``."""
    withdrawn = sum(entry.withdrawn is not None for entry in document.entries)
    held = len(document.entries) - withdrawn
    return Facts(document.sequence, document.issued, document.expires, sha256, held, withdrawn, signer)


def authenticate(data: bytes, revokers: Sequence[Revoker], roots: Mapping[str, Root]) -> SignedList:
    """Return the list in ``data`` if it is that of one of ``revokers``, by its own signer.

    Raises:
        Refused: ``signature-invalid``, ``signer-not-trusted``, or ``revocation-list-invalid``: it is no list, or
            another revoker's.

    """
    if len(data) > MAX_BUNDLE:
        raise Refused(INVALID, f"the list has more than {MAX_BUNDLE:,} bytes", help=_FETCH)
    parsed = _parsed(data)
    found = _signed_by(parsed, revokers, Signatures(roots))
    payload_type, payload = found[0][2:]
    if payload_type != PAYLOAD_TYPE:
        raise Refused(INVALID, f"a signed payload of type {payload_type[:80]!r} is no statement", help=_FETCH)
    try:
        named, document, sha256 = read_statement(payload)
    except ListInvalid as error:
        raise Refused(INVALID, f"this is no revocation list: {error}", help=_FETCH) from None
    for revoker, signer, *_ in found:
        if revoker.id == named:
            return SignedList(revoker, facts_of(document, sha256, signer), document.entries)
    raise Refused(
        INVALID,
        f"the list is that of revoker {named[:80]!r}, not of {' or '.join(revoker.id for revoker, *_ in found)}",
        help="a [[revoker]] of the trust file has the id its lists name",
    )


def refuse_untimely(facts: Facts, now: datetime) -> None:
    """Raise unless a list may be taken in now: it was issued, and the next one is not due yet."""
    if facts.issued > now + SKEW:
        raise Refused(INVALID, f"the list is of the future: issued {facts.issued:%Y-%m-%d %H:%M}Z", help=_FETCH)
    if facts.expires is not None and facts.expires <= now:
        raise Refused(STALE, f"the list has expired on {facts.expires:%Y-%m-%d %H:%M}Z", help=_FETCH)


def _parsed(data: bytes) -> ParsedBundle:
    try:
        return parse_bundle(data, MAX_BUNDLE)
    except Refused as refusal:
        raise _about_the_list(refusal) from refusal


def _signed_by(
    parsed: ParsedBundle, revokers: Sequence[Revoker], signatures: Signatures
) -> list[tuple[Revoker, Signer, str, bytes]]:
    """Return the revokers whose signer signed this, with what was signed."""
    found, reasons = [], ["the trust file lists no [[revoker]]"]
    for revoker in revokers:
        try:
            found.append((revoker, *signatures.envelope(parsed, revoker.signer)))
        except OtherSigner as other:
            reasons.append(str(other))
        except Refused as refusal:
            raise _about_the_list(refusal) from refusal
    if not found:
        raise Refused(
            "signer-not-trusted",
            f"the list is by nobody this host takes revocations from: {reasons[-1]}",
            help="if you mean to believe its signer: theodore-plugin trust add-revoker --help",
        )
    return found


def _about_the_list(refusal: Refused) -> Refused:
    """Say that it is not the wheel whose signature is meant."""
    return Refused(refusal.rule, f"the revocation list is not authentic: {refusal.message}", help=_FETCH)
