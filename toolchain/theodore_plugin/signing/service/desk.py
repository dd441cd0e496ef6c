"""Where requests become certificates and entries: who asks, whether they may, and a line about it in the log.

The order matters. A token is used up last, so that a malformed request does not cost one; rates are counted for
identities only after the token has shown whose they are; and what is written in the log is written before the answer
leaves: no record, no certificate.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.trust.certificate import identity_of
from theodore_plugin.signing.local.instance import LocalInstance
from theodore_plugin.signing.local.service import RejectedError, Service, proven_key
from theodore_plugin.signing.service.identity_tokens import TokenRefused, Tokens, Verified
from theodore_plugin.signing.service.journal import Journal
from theodore_plugin.signing.service.rates import Rate
from theodore_plugin.signing.service.replays import Replays


class TooOften(RejectedError):
    """The identity or address has to wait ``seconds``."""

    def __init__(self, seconds: float, message: str) -> None:
        self.seconds = seconds
        super().__init__(429, message)


@dataclass(frozen=True, slots=True)
class Desk:
    """Issues certificates of one instance for the tokens of configured issuers, and logs signatures made with them."""

    instance: LocalInstance
    service: Service
    tokens: Tokens
    replays: Replays
    certificates: Rate
    entries: Rate
    journal: Journal
    mark: tuple[int, int]
    """Tells the instance's folder from another that took its place."""

    def certificate(self, token: str, body: bytes, address: str) -> dict[str, Any]:
        """Answer ``POST /api/v2/signingCert``; raises RejectedError."""
        now = self.service.now()
        try:
            verified = self.tokens.verify(token, now)
        except TokenRefused as refusal:
            raise RejectedError(401, str(refusal)) from refusal
        public_key = proven_key(body, token)
        claims = verified.claims
        self._take(self.certificates, claims.identity, "certificates")
        self._use_up(verified, now)
        self._refuse_replaced()
        certified = self.service.certify(public_key, claims, now)
        self.journal.write(
            "certificate",
            address=address,
            issuer=claims.issuer,
            identity=claims.identity,
            statements=dict(claims.statements),
            serial=f"{certified.certificate.serial_number:x}",
            ct_index=certified.ct_index,
        )
        return certified.answer

    def entry(self, body: bytes, address: str) -> dict[str, Any]:
        """Answer ``POST /api/v1/log/entries``; raises RejectedError."""
        now = self.service.now()
        accepted = self.service.accepted(body, now)
        self._admit_entry(accepted)
        answer = self.service.record(accepted, now)
        ((uuid, logged),) = answer.items()
        self.journal.write("entry", address=address, uuid=uuid, log_index=logged["logIndex"], rekor=1)
        return answer

    def entry_v2(self, body: bytes, address: str) -> dict[str, Any]:
        """Answer ``POST /api/v2/log/entries``; raises RejectedError."""
        now = self.service.now()
        accepted = self.service.accepted_v2(body, now)
        self._admit_entry(accepted.body)
        answer = self.service.record_v2(accepted, now)
        self.journal.write("entry", address=address, log_index=int(answer["logIndex"]), rekor=2)
        return answer

    def timestamp(self, body: bytes, address: str) -> bytes:
        """Answer ``POST /api/v1/timestamp``; raises RejectedError."""
        self._refuse_replaced()
        answer = self.service.timestamp(body)
        self.journal.write("timestamp", address=address, sha256=hashlib.sha256(answer).hexdigest())
        return answer

    def check(self) -> None:
        """Raise LoaderError unless certificates can be issued: the instance is there and its log can be read."""
        self._refuse_replaced()
        self.service.ct.log.head(self.service.ct.name)

    def _admit_entry(self, entry: bytes) -> None:
        self._refuse_replaced()
        # the certificate is one of ours and signed the entry: nobody can spend another's share
        self._take(self.entries, signer_of(entry), "log entries")

    def _take(self, rate: Rate, identity: str, what: str) -> None:
        wait = rate.take(identity)
        if wait:
            raise TooOften(wait, f"{identity} has had {rate.per_minute} {what} within a minute; wait {wait:.0f} s")

    def _use_up(self, verified: Verified, now: datetime) -> None:
        if verified.single_use and not self.replays.first_use(verified.use, verified.expires, int(now.timestamp())):
            raise RejectedError(401, "the token has been used; get a new one")

    def _refuse_replaced(self) -> None:
        if mark_of(self.instance.folder) != self.mark:
            raise ConfigurationProblem(
                f"the instance in {self.instance.folder} has been replaced", help="start the service again"
            )


def mark_of(folder: Path) -> tuple[int, int]:
    """Return what tells this instance from one that is put in its place; raises ConfigurationProblem."""
    try:
        status = (folder / "instance.json").stat()
    except OSError as error:
        raise ConfigurationProblem(
            f"{folder}: the instance is gone", help="restore it, and start the service again"
        ) from error
    return status.st_dev, status.st_ino


def signer_of(entry: bytes) -> str:
    """Return whom the certificate in an accepted entry, of either version, was issued to."""
    spec = json.loads(entry)["spec"]
    spec = spec.get("hashedRekordV002") or spec.get("dsseV002") or spec
    signature = spec["signature"] if "signature" in spec else spec["signatures"][0]
    verifier = signature.get("verifier") or signature["publicKey"]["content"]
    if isinstance(verifier, dict):
        return identity_of(x509.load_der_x509_certificate(base64.b64decode(verifier["x509Certificate"]["rawBytes"])))
    return identity_of(x509.load_pem_x509_certificate(base64.b64decode(verifier)))
