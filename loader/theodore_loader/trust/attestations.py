"""The attestations beside a wheel: one DSSE bundle a line, each authenticated before a byte of it is believed.

``verify_dsse`` of sigstore checks neither payload type nor subject, so both are checked here. A publisher of the plugin
may state where it comes from (provenance, SBOM reference), a verifier what it found (verdict, vulnerabilities). A line
by anybody else, or by one of them about what is not theirs to say, is left aside: another host may believe it. A line
that is malformed, wrongly signed, or about another wheel refuses the whole: no honest publisher ships one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from theodore_loader.artifact.dist_info import parse_filename
from theodore_loader.errors import Refused
from theodore_loader.trust.bundles import parse_bundle
from theodore_loader.trust.files import MAX_ATTESTATIONS, MAX_BUNDLE
from theodore_loader.trust.identity import matches
from theodore_loader.trust.predicates import Kind, Predicate, kind_of
from theodore_loader.trust.signatures import OtherSigner, Signatures, Signer
from theodore_loader.trust.statements import (
    PAYLOAD_TYPE,
    DigestSet,
    Statement,
    StatementInvalid,
    Subject,
    Verdict,
    payload_digest,
    read_statement,
)
from theodore_loader.trust.trust_file import SignerRule, TrustFile, Verifier

_SIGN = "check and sign the wheel: theodore-plugin sign"
_MOST_SPLIT = 4 * MAX_ATTESTATIONS
"""Ends of lines that are looked at: of empty lines a file may have a few, and the rest is one line too many."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """An authentic statement about this wheel, by somebody whose word on it counts.

    ``rules`` are the trust file's entries that name a verifier, one per verifier id it may speak as; a publisher's
    statement has none. ``sha256`` is the digest of the signed payload, ``predicate`` what it says.
    """

    signer: Signer
    rules: tuple[Verifier, ...]
    statement: Statement
    sha256: str
    predicate: Predicate

    @property
    def kind(self) -> Kind:
        """Which of the four it is."""
        return kind_of(self.statement)

    @property
    def verdict(self) -> Verdict | None:
        """The verdict it carries, if it carries one."""
        return self.predicate if isinstance(self.predicate, Verdict) else None


def authenticate(
    attestations: bytes | None, trust: TrustFile, signatures: Signatures, filename: str, sha256: str
) -> tuple[Attestation, ...]:
    """Return the attestations by those ``trust`` names, at least one of them a verdict; raises ``Refused``.

    A line that is there twice counts once.
    """
    accepted, strangers = _sorted_out(attestations, trust, signatures, filename, sha256)
    if not any(attestation.verdict for attestation in accepted):
        raise _no_verdict(strangers)
    return accepted


def authenticate_publisher(
    attestations: bytes | None, trust: TrustFile, signatures: Signatures, filename: str, sha256: str
) -> tuple[Attestation, ...]:
    """Return what publishers of ``trust`` state, whether or not there is a verdict; raises as :func:`authenticate`."""
    accepted, _ = _sorted_out(attestations, trust, signatures, filename, sha256)
    return tuple(one for one in accepted if one.kind.role == "publisher")


def _sorted_out(
    attestations: bytes | None, trust: TrustFile, signatures: Signatures, filename: str, sha256: str
) -> tuple[tuple[Attestation, ...], list[str]]:
    """Return whose word counts, and why that of the others does not."""
    about = Subject(filename, DigestSet(sha256))
    believed = _Believed.about(parse_filename(filename).name, trust)
    accepted: dict[tuple[str, str], Attestation] = {}
    strangers: list[str] = []
    for line in lines(attestations):
        try:
            found = _attestation(line, believed, signatures, about)
        except OtherSigner as other:
            strangers.append(str(other))
        else:
            accepted.setdefault((found.sha256, str(found.signer)), found)
    return tuple(accepted.values()), strangers


def read_attestation(signer: Signer, rules: tuple[Verifier, ...], statement: Statement, sha256: str) -> Attestation:
    """Build an attestation from what was authenticated earlier; raises StatementInvalid or ``Refused``."""
    return Attestation(signer, rules, statement, sha256, kind_of(statement).read(statement))


def lines(attestations: bytes | None) -> list[bytes]:
    """Return the bundles of the file, one a line; raises ``verdict-missing`` or ``verdict-invalid``."""
    found = split_lines(attestations)
    if not found:
        raise Refused("verdict-missing", "no verdict lies beside the wheel", help=_SIGN)
    if len(found) > MAX_ATTESTATIONS or any(len(line) > MAX_BUNDLE for line in found):
        raise Refused(
            "verdict-invalid",
            f"more than {MAX_ATTESTATIONS} attestations, or one of more than {MAX_BUNDLE:,} bytes",
            help="fetch the attestations again from where the wheel was published",
        )
    return found


def split_lines(attestations: bytes | None) -> list[bytes]:
    """Return the lines that hold anything. A file of millions, each an object, would take ten times its size."""
    return [line for line in (attestations or b"").split(b"\n", _MOST_SPLIT) if line.strip()]


@dataclass(frozen=True, slots=True)
class _Believed:
    """Whose statements about one plugin count. Every distinct signer is tried once a line."""

    publishers: tuple[SignerRule, ...]
    verifiers: tuple[Verifier, ...]
    signers: tuple[SignerRule, ...]

    @classmethod
    def about(cls, name: str, trust: TrustFile) -> _Believed:
        """Return whom the trust file names for the plugin ``name``."""
        publishers = [one.signer for one in trust.publishers if any(matches(glob, name) for glob in one.plugins)]
        signers: list[SignerRule] = []
        for rule in (*(verifier.signer for verifier in trust.verifiers), *publishers):
            if rule not in signers:
                signers.append(rule)
        return cls(tuple(publishers), trust.verifiers, tuple(signers))

    def speaking(self, kind: Kind, rules: Sequence[SignerRule]) -> tuple[Verifier, ...] | None:
        """Return as which verifiers a signer speaks; none for a publisher. ``None`` if it is not theirs to say."""
        if kind.role == "verifier":
            return tuple(one for one in self.verifiers if one.signer in rules) or None
        return () if any(rule in self.publishers for rule in rules) else None


def _attestation(line: bytes, believed: _Believed, signatures: Signatures, about: Subject) -> Attestation:
    parsed = parse_bundle(line)
    reasons = ["the trust file lists no [[verifier]]"]
    found: list[tuple[SignerRule, Signer, str, bytes]] = []
    for rule in believed.signers:
        try:
            found.append((rule, *signatures.envelope(parsed, rule)))
        except OtherSigner as other:
            reasons.append(str(other))
    if not found:
        raise OtherSigner(reasons[-1])
    _, signer, payload_type, payload = found[0]
    statement = _statement(payload_type, payload, about)
    kind, predicate = _read(statement)
    rules = believed.speaking(kind, [rule for rule, *_ in found])
    if rules is None:
        raise OtherSigner(f"the trust file does not list {signer} as {kind.role}, and the {kind.label} is by it")
    return Attestation(signer, rules, statement, payload_digest(payload), predicate)


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


def _read(statement: Statement) -> tuple[Kind, Predicate]:
    label = "attestation"
    try:
        kind = kind_of(statement)
        label = kind.label
        return kind, kind.read(statement)
    except StatementInvalid as error:
        raise Refused("verdict-invalid", f"the {label} beside the wheel is malformed: {error}", help=_SIGN) from None


def _no_verdict(strangers: Sequence[str]) -> Refused:
    if not strangers:
        return Refused("verdict-missing", "no verdict is among the attestations beside the wheel", help=_SIGN)
    return Refused(
        "signer-not-trusted",
        f"no verdict is by a verifier this host believes: {strangers[0]}",
        help="check and sign it on this machine (`theodore-plugin sign`), "
        "or add its verifier: `theodore-plugin trust add-verifier --help`",
    )
