"""Which lines beside a wheel stay when somebody signs it or attests to it again: everybody else's, byte for byte.

Of one's own, a newer statement replaces the older of its kind; a verdict, the older under the same policy. What a
verdict that stays rests on stays with it. A line is only told by whom it claims to be; but of those that one's own
instance vouches for, none stays that does not verify: hosts that believe the instance would refuse the whole file.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.trust.bundles import ParsedBundle, parse_bundle
from theodore_loader.trust.certificate import identity_of
from theodore_loader.trust.files import MAX_ATTESTATIONS
from theodore_loader.trust.statements import (
    VSA_TYPE,
    DigestSet,
    Statement,
    StatementInvalid,
    Subject,
    payload_digest,
    read_statement,
    read_verdict,
)
from theodore_loader.trust.vulnerabilities import VULNERABILITIES_TYPE
from theodore_plugin.signing.evidence import Payload

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import TrustedRoot


@dataclass(frozen=True, slots=True)
class Mine:
    """What makes a verdict one of mine: the certificate's authority and identity, the verifier id, and the policy."""

    certificate: Certificate
    id: str
    policy: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is in the file, and what it says; nothing of it is authenticated."""

    data: bytes
    bundle: ParsedBundle
    statement: Statement | None
    sha256: str

    @classmethod
    def read(cls, data: bytes) -> Line:
        """Read one line; raises ``signature-invalid`` for what is no bundle."""
        bundle = parse_bundle(data)
        try:
            payload = base64.b64decode(bundle.document["dsseEnvelope"]["payload"])
            return cls(data, bundle, read_statement(payload), payload_digest(payload))
        except (KeyError, TypeError, ValueError, StatementInvalid):
            return cls(data, bundle, None, "")

    @property
    def rests_on(self) -> frozenset[str]:
        """Digests of the statements a verdict names."""
        try:
            inputs = read_verdict(self.statement).input_attestations if self.statement and self.kind == VSA_TYPE else []
        except StatementInvalid:
            return frozenset()
        return frozenset(one.digest.sha256 for one in inputs)

    def is_verdict_of(self, mine: Mine) -> bool:
        """Tell whether this is a verdict by the same signer, as the same verifier, under the same policy."""
        if self.statement is None or self.kind != VSA_TYPE or not self.is_signed_by(mine):
            return False
        try:
            verdict = read_verdict(self.statement)
        except StatementInvalid:
            return False
        return verdict.verifier.id == mine.id and verdict.policy.digest.sha256 == mine.policy

    @property
    def kind(self) -> str | None:
        """The type of its predicate."""
        return self.statement.predicate_type if self.statement else None

    def is_signed_by(self, mine: Mine) -> bool:
        """Tell whether the certificate names the same identity, on the word of the same authority."""
        own, other = mine.certificate, self.bundle.bundle.signing_certificate
        try:
            return identity_of(own) == identity_of(other) and own.issuer == other.issuer and _aki(own) == _aki(other)
        except ValueError:
            return False


def _aki(certificate: Certificate) -> bytes | None:
    from cryptography.x509 import AuthorityKeyIdentifier, ExtensionNotFound

    try:
        return certificate.extensions.get_extension_for_class(AuthorityKeyIdentifier).value.key_identifier
    except ExtensionNotFound:
        return None


def about(wheel: Wheel, found: Sequence[bytes], root: TrustedRoot) -> list[Line]:
    """Read what of ``found`` is about exactly this wheel; what is no bundle, or about other bytes, helps no host.

    Nor does what was damaged or forged, as far as ``root`` tells: that of the instance that signs.
    """
    subject = Subject(wheel.filename, DigestSet(wheel.sha256))
    read = [line for data in found if (line := _read(data)) is not None]
    meant = [line for line in read if line.statement is not None and line.statement.subject == [subject]]
    return [line for line in meant if not _is_refuted(line, root)]


class _Anybody:
    """Whoever the certificate names."""

    def verify(self, cert: Certificate) -> None:
        """Accept it."""


def _is_refuted(line: Line, root: TrustedRoot) -> bool:
    """Tell whether a line has a certificate of ``root`` and does not verify. Other roots' lines cannot be judged."""
    from sigstore.verify import Verifier

    if not _is_issued(line.bundle.bundle.signing_certificate, root.get_fulcio_certs()):
        return False
    try:
        Verifier(trusted_root=root).verify_dsse(line.bundle.bundle, _Anybody())
        line.bundle.refuse_another_tree()
    except Exception:  # parsers raise all sorts of things; for hosts, too, each of them is a denial
        return True
    return False


def _is_issued(certificate: Certificate, authorities: Sequence[Certificate]) -> bool:
    for authority in authorities:
        with suppress(Exception):
            certificate.verify_directly_issued_by(authority)
            return True
    return False


def without_superseded(known: Sequence[Line], mine: Mine, payloads: Sequence[Payload]) -> list[Line]:
    """Leave out what ``payloads``, now signed by the same signer, stand in for."""
    older = [line for line in known if line.is_verdict_of(mine)]
    dropped = frozenset[str]().union(*(line.rests_on for line in older))
    remaining = [line for line in known if line not in older]
    needed = frozenset[str]().union(*(line.rests_on for line in remaining))
    made = {payload.reference.digest.sha256 for payload in payloads}
    kinds = {payload.type for payload in payloads} - {VSA_TYPE}

    def superseded(line: Line) -> bool:
        if not line.is_signed_by(mine):
            return False
        audit = line.kind == VULNERABILITIES_TYPE
        older_kind = line.kind in kinds or (audit and line.sha256 in dropped)
        # what a publisher states of the same build is word for word the same, and needed by others in any copy
        return (older_kind and line.sha256 not in needed) or (not audit and line.sha256 in made)

    return [line for line in remaining if not superseded(line)]


def refuse_overflow(target: Path, count: int) -> None:
    """Raise ConfigurationProblem for more lines than hosts read."""
    if count > MAX_ATTESTATIONS:
        raise ConfigurationProblem(
            f"{target} would hold {count} attestations; hosts read {MAX_ATTESTATIONS}",
            help="remove verdicts that no longer count; nothing was written",
        )


def _read(data: bytes) -> Line | None:
    try:
        return Line.read(data)
    except Refused:
        return None
