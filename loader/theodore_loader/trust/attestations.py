"""The attestations beside a wheel: one DSSE bundle a line, each authenticated before a byte of it is believed.

``verify_dsse`` of sigstore checks neither payload type nor subject, so both are checked here. A line by a signer the
trust file does not list as verifier is left aside: another host may believe it. A line that is malformed, wrongly
signed, or about another wheel refuses the whole: no honest publisher ships one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from theodore_loader import strict_json
from theodore_loader.errors import Refused
from theodore_loader.trust.files import MAX_ATTESTATIONS, MAX_BUNDLE
from theodore_loader.trust.signatures import OtherSigner, Signatures, Signer, parse_bundle
from theodore_loader.trust.statements import (
    OTHER_TYPES,
    PAYLOAD_TYPE,
    VSA_TYPE,
    DigestSet,
    Statement,
    StatementInvalid,
    Subject,
    Verdict,
    read_statement,
    read_verdict,
)
from theodore_loader.trust.trust_file import TrustFile, Verifier

_SIGN = "check and sign the wheel: theodore-plugin sign"


@dataclass(frozen=True, slots=True)
class Attestation:
    """An authentic statement about this wheel; ``verdict`` is set on verification summaries.

    ``rules`` are the trust file's entries that name its signer, one per verifier id it may speak as.
    """

    signer: Signer
    rules: tuple[Verifier, ...]
    statement: Statement
    verdict: Verdict | None


def authenticate(
    attestations: bytes | None, trust: TrustFile, signatures: Signatures, filename: str, sha256: str
) -> tuple[Attestation, ...]:
    """Return the attestations by verifiers of ``trust``, at least one of them a verdict; raises ``Refused``."""
    about = Subject(filename, DigestSet(sha256))
    accepted: list[Attestation] = []
    strangers: list[str] = []
    for line in _lines(attestations):
        try:
            accepted.append(_attestation(line, trust.verifiers, signatures, about))
        except OtherSigner as other:
            strangers.append(str(other))
    if not any(attestation.verdict for attestation in accepted):
        raise _no_verdict(strangers)
    return tuple(accepted)


def read_attestation(signer: Signer, rules: tuple[Verifier, ...], statement: dict[str, Any]) -> Attestation:
    """Build an attestation from what was authenticated earlier; raises StatementInvalid or ``Refused``."""
    read = read_statement(strict_json.canonical(statement))
    return Attestation(signer, rules, read, _verdict(read))


def _lines(attestations: bytes | None) -> list[bytes]:
    lines = [line for line in (attestations or b"").split(b"\n") if line.strip()]
    if not lines:
        raise Refused("verdict-missing", "no verdict lies beside the wheel", help=_SIGN)
    if len(lines) > MAX_ATTESTATIONS or any(len(line) > MAX_BUNDLE for line in lines):
        raise Refused(
            "verdict-invalid",
            f"more than {MAX_ATTESTATIONS} attestations, or one of more than {MAX_BUNDLE:,} bytes",
            help="fetch the attestations again from where the wheel was published",
        )
    return lines


def _attestation(line: bytes, verifiers: Sequence[Verifier], signatures: Signatures, about: Subject) -> Attestation:
    parsed = parse_bundle(line)
    reasons = ["the trust file lists no [[verifier]]"]
    found: list[tuple[Verifier, Signer, str, bytes]] = []
    for rule in verifiers:
        try:
            found.append((rule, *signatures.envelope(parsed, rule.signer)))
        except OtherSigner as other:
            reasons.append(str(other))
    if not found:
        raise OtherSigner(reasons[-1])
    _, signer, payload_type, payload = found[0]
    statement = _statement(payload_type, payload, about)
    return Attestation(signer, tuple(rule for rule, *_ in found), statement, _verdict(statement))


def _statement(payload_type: str, payload: bytes, about: Subject) -> Statement:
    if payload_type != PAYLOAD_TYPE:
        raise Refused("verdict-invalid", f"a signed payload of type {payload_type[:80]!r} is no statement", help=_SIGN)
    try:
        statement = read_statement(payload)
    except StatementInvalid as error:
        raise Refused("verdict-invalid", f"a signed payload is no statement: {error}", help=_SIGN) from None
    if statement.subject != [about]:
        named = ", ".join(map(_shown, statement.subject))
        raise Refused(
            "verdict-subject-mismatch",
            f"an attestation is about {named or 'nothing'}, not about {_shown(about)}",
            help="put the attestations of this very wheel beside it, or check and sign it: theodore-plugin sign",
        )
    return statement


def _shown(subject: Subject) -> str:
    return f"{subject.name[:120]} (sha256 {subject.digest.sha256[:16]}…)"


def _verdict(statement: Statement) -> Verdict | None:
    if statement.predicate_type in OTHER_TYPES:
        return None
    if statement.predicate_type != VSA_TYPE:
        raise Refused(
            "verdict-invalid", f"an attestation is of unknown type {statement.predicate_type[:120]!r}", help=_SIGN
        )
    try:
        return read_verdict(statement)
    except StatementInvalid as error:
        raise Refused("verdict-invalid", f"the verdict is malformed: {error}", help=_SIGN) from None


def _no_verdict(strangers: Sequence[str]) -> Refused:
    if not strangers:
        return Refused("verdict-missing", "no verdict is among the attestations beside the wheel", help=_SIGN)
    return Refused(
        "signer-not-trusted",
        f"no verdict is by a verifier this host believes: {strangers[0]}",
        help="check and sign it on this machine (`theodore-plugin sign`), "
        "or add its verifier: `theodore-plugin trust add-verifier --help`",
    )
