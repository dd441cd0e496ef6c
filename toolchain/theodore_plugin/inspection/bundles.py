"""What a sigstore bundle says about itself: certificate, log entry, statement. Bounded, and nothing is verified."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from theodore_loader import strict_json
from theodore_loader.trust.files import MAX_BUNDLE
from theodore_loader.trust.predicates import KINDS, Predicate
from theodore_loader.trust.statements import Statement, StatementInvalid, payload_digest, read_statement
from theodore_plugin.inspection.certificates import certificate_fields

Fields = tuple[tuple[str, str], ...]


class BundleUnreadable(ValueError):
    """The bytes are no sigstore bundle; the message says why."""


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """One bundle. ``statement`` and ``sha256`` (of its payload) are set where it carries one.

    ``kind`` is what it is called, ``predicate`` what it says, where it is one of the kinds that are known.
    """

    kind: str
    certificate: Fields
    log: Fields
    sha256: str = ""
    statement: Statement | None = None
    predicate: Predicate | None = None

    @property
    def identity(self) -> str:
        """Whom the certificate names, as claimed."""
        return self._field("identity") or "nobody"

    @property
    def issuer(self) -> str:
        """On whose word, as claimed."""
        return self._field("issuer") or "nobody's word"

    def _field(self, label: str) -> str:
        return next((value for name, value in self.certificate if name.partition(",")[0] == label), "")


def read_bundle(data: bytes) -> BundleFacts:
    """Read a bundle; raises :class:`BundleUnreadable`."""
    try:
        document = strict_json.loads(data, max_bytes=MAX_BUNDLE)
        material = document["verificationMaterial"]
        certificate = certificate_fields(_leaf(material))
        log = tuple(field for entry in material["tlogEntries"] for field in _log(entry))
        envelope = document.get("dsseEnvelope")
        payload = None if envelope is None else base64.b64decode(envelope["payload"], validate=True)
    except strict_json.JsonError as error:
        raise BundleUnreadable(str(error)) from None
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        raise BundleUnreadable("not a sigstore bundle") from None
    if payload is None:
        return BundleFacts("signature over the wheel", certificate, log)
    return _stated(certificate, log, payload)


def _leaf(material: Mapping[str, Any]) -> bytes:
    """Return the signing certificate, where bundles of any version keep it."""
    held = material.get("certificate") or material["x509CertificateChain"]["certificates"][0]
    return base64.b64decode(held["rawBytes"], validate=True)


def _stated(certificate: Fields, log: Fields, payload: bytes) -> BundleFacts:
    try:
        statement = read_statement(payload)
        kind = KINDS.get(statement.predicate_type)
        label = kind.label if kind else f"unknown statement ({statement.predicate_type[:120]})"
        predicate = kind.read(statement) if kind else None
        return BundleFacts(label, certificate, log, payload_digest(payload), statement, predicate)
    except StatementInvalid as error:
        return BundleFacts(f"malformed statement ({str(error)[:200]})", certificate, log, payload_digest(payload))


def _log(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the bundle says of a log entry. The index that counts is the proof's; the other is a hint."""
    proof = entry.get("inclusionProof") or {}
    yield "log entry", str(proof.get("logIndex", entry.get("logIndex", "none")))
    yield "log", base64.b64decode(entry["logId"]["keyId"]).hex()
    if entry.get("integratedTime"):
        moment = datetime.fromtimestamp(int(entry["integratedTime"]), UTC)
        yield "entered", f"{moment:%Y-%m-%d %H:%M:%SZ}"
    if proof:
        yield "log size", str(proof.get("treeSize", ""))
        yield "log root", base64.b64decode(str(proof.get("rootHash", ""))).hex()
        checkpoint = proof.get("checkpoint") or {}
        yield "checkpoint", str(checkpoint.get("envelope", "")).partition("\n")[0]
    kind = entry.get("kindVersion") or {}
    yield "entry kind", f"{kind.get('kind', '?')} {kind.get('version', '?')}"
