"""What the instance answers, without the HTTP around it.

Fulcio's ``signingCert``, Rekor's ``log/entries`` in versions 1 and 2, and the timestamp authority's ``timestamp``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization

from theodore_plugin.signing.local import key_requests, merkle
from theodore_plugin.signing.local.authority import Authority
from theodore_plugin.signing.local.entries import EntryError, canonical_body, canonical_json
from theodore_plugin.signing.local.entries_v2 import VERSION, EntryV2, canonical_entry
from theodore_plugin.signing.local.key_requests import KeyRequestError
from theodore_plugin.signing.local.log import Appended
from theodore_plugin.signing.local.timestamps import TimestampError
from theodore_plugin.signing.local.tokens import Claims, Mint, TokenError
from theodore_plugin.signing.local.trees import SignedTree

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec


class RejectedError(Exception):
    """A request the instance turns down, with the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """The instance's endpoints over its keys, its trees and its token mint."""

    authority: Authority
    rekor: SignedTree
    rekor2: SignedTree
    ct: SignedTree
    mint: Mint
    now: Callable[[], datetime] = _utc_now

    def signing_certificate(self, token: str, body: bytes) -> dict[str, Any]:
        """Answer ``POST /api/v2/signingCert``: a leaf for the identity the token names."""
        public_key = proven_key(body, token)
        now = self.now()
        try:
            claims = self.mint.redeem(token, now)
        except TokenError as error:
            raise RejectedError(401, str(error)) from error
        return self.certify(public_key, claims, now).answer

    def certify(self, public_key: ec.EllipticCurvePublicKey, claims: Claims, now: datetime) -> Certified:
        """Issue a leaf for what ``claims`` state, whoever has checked them, and enter it into the CT log."""
        leaf = self.authority.issue(
            public_key, claims.identity, claims.issuer, now, claims.statements, email=claims.email
        )
        # the SCT inside the leaf is a promise: keep it before anyone sees the leaf
        appended, _ = self.ct.append(leaf.ct_entry, int(now.timestamp()))
        chain = (leaf.certificate, self.authority.intermediate, self.authority.root)
        answer = {"signedCertificateEmbeddedSct": {"chain": {"certificates": [_pem(cert) for cert in chain]}}}
        return Certified(leaf.certificate, appended.index, answer)

    def log_entry(self, body: bytes) -> dict[str, Any]:
        """Answer ``POST /api/v1/log/entries``: log the entry, prove its inclusion and promise it."""
        now = self.now()
        return self.record(self.accepted(body, now), now)

    def accepted(self, body: bytes, now: datetime) -> bytes:
        """Return the canonical entry that ``body`` proposes; raises RejectedError. Nothing is logged yet."""
        try:
            return canonical_body(_json(body), self.authority.intermediate, now)
        except EntryError as error:
            raise RejectedError(400, str(error)) from error

    def record(self, entry: bytes, now: datetime) -> dict[str, Any]:
        """Log an accepted entry and return Rekor's answer about it."""
        time = int(now.timestamp())
        return {merkle.leaf_hash(entry).hex(): self._logged(entry, time, *self.rekor.append(entry, time))}

    def log_entry_v2(self, body: bytes) -> dict[str, Any]:
        """Answer ``POST /api/v2/log/entries`` with a ``TransparencyLogEntry``: no time, no promise, a proof."""
        now = self.now()
        return self.record_v2(self.accepted_v2(body, now), now)

    def accepted_v2(self, body: bytes, now: datetime) -> EntryV2:
        """Return the Rekor v2 entry that ``body`` proposes; raises RejectedError. Nothing is logged yet."""
        try:
            return canonical_entry(_json(body), self.authority.intermediate, now)
        except EntryError as error:
            raise RejectedError(400, str(error)) from error

    def record_v2(self, entry: EntryV2, now: datetime) -> dict[str, Any]:
        """Log an accepted Rekor v2 entry and return Rekor's answer about it."""
        appended, checkpoint = self.rekor2.append(entry.body, int(now.timestamp()))
        return {
            "logIndex": str(appended.index),
            "logId": {"keyId": _base64(self.rekor2.id)},
            "kindVersion": {"kind": entry.kind, "version": VERSION},
            "inclusionProof": {
                "logIndex": str(appended.index),
                "rootHash": _base64(appended.root),
                "treeSize": str(appended.size),
                "hashes": [_base64(digest) for digest in appended.proof],
                "checkpoint": {"envelope": checkpoint},
            },
            "canonicalizedBody": _base64(entry.body),
        }

    def timestamp(self, request: bytes) -> bytes:
        """Answer ``POST /api/v1/timestamp`` with a ``TimeStampResp`` in DER; raises RejectedError."""
        try:
            return self.authority.stamper.answer(request, self.now())
        except TimestampError as error:
            raise RejectedError(400, str(error)) from error

    def tree_head(self) -> dict[str, Any]:
        """Answer ``GET /api/v1/log``: size, root and a checkpoint of the signature log as it is now."""
        head, checkpoint = self.rekor.checkpoint()
        return {"rootHash": head.root.hex(), "signedTreeHead": checkpoint, "treeID": "0", "treeSize": head.size}

    def logged(self, index: int) -> dict[str, Any]:
        """Answer ``GET /api/v1/log/entries?logIndex=``: an entry as it was answered when logged, proof as of now."""
        log, name = self.rekor.log, self.rekor.name
        try:
            entry = log.entry(name, index)
        except IndexError as error:
            raise RejectedError(404, str(error)) from error
        head, checkpoint = self.rekor.checkpoint()
        appended = Appended(index, head.size, head.root, log.inclusion(name, index, head.size))
        return {merkle.leaf_hash(entry.body).hex(): self._logged(entry.body, entry.time, appended, checkpoint)}

    def consistency(self, first: int, last: int) -> dict[str, Any]:
        """Answer ``GET /api/v1/log/proof``: the tree of ``first`` entries is a prefix of that of ``last``."""
        try:
            proof = self.rekor.log.consistency(self.rekor.name, first, last)
            root = self.rekor.log.head_at(self.rekor.name, last).root
        except IndexError as error:
            raise RejectedError(400, str(error)) from error
        return {"hashes": [digest.hex() for digest in proof], "rootHash": root.hex()}

    def _logged(self, entry: bytes, time: int, appended: Appended, checkpoint: str) -> dict[str, Any]:
        promised = {
            "body": _base64(entry),
            "integratedTime": time,
            "logID": self.rekor.id.hex(),
            "logIndex": appended.index,
        }
        proof = {
            "checkpoint": checkpoint,
            "hashes": [digest.hex() for digest in appended.proof],
            "logIndex": appended.index,
            "rootHash": appended.root.hex(),
            "treeSize": appended.size,
        }
        promise = _base64(self.rekor.sign(canonical_json(promised)))
        return {**promised, "verification": {"signedEntryTimestamp": promise, "inclusionProof": proof}}


@dataclass(frozen=True, slots=True)
class Certified:
    """An issued certificate, where it stands in the CT log, and Fulcio's answer."""

    certificate: x509.Certificate
    ct_index: int
    answer: dict[str, Any]


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RejectedError(400, "the body is not JSON") from error
    if not isinstance(value, dict):
        raise RejectedError(400, "the body is not a JSON object")
    return value


def proven_key(body: bytes, token: str = "") -> ec.EllipticCurvePublicKey:
    """Return the P-256 key that a request for a certificate proves possession of; raises RejectedError."""
    try:
        return key_requests.proven_key(_json(body), token)
    except KeyRequestError as error:
        raise RejectedError(400, str(error)) from error


def stated_token(body: bytes) -> str | None:
    """Return the token that a request for a certificate carries in its body, if it does; raises RejectedError."""
    return key_requests.stated_token(_json(body))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
