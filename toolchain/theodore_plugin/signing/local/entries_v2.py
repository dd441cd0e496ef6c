"""Rekor v2 log entries: ``hashedrekord`` and ``dsse``, both 0.0.2 (sigstore/rekor-tiles, ``api/proto/rekor/v2``).

As in version 1 the log records only signatures it has verified, by certificates its own authority issued and that are
valid now. A DSSE envelope comes as either kind, depending on the client.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from theodore_plugin.signing.local.entries import EntryError, canonical_json, current_key, pae

VERSION = "0.0.2"
_KEY_DETAILS = "PKIX_ECDSA_P256_SHA_256"


@dataclass(frozen=True, slots=True)
class EntryV2:
    """An entry to be logged: its kind and its canonical body."""

    kind: str
    body: bytes


def canonical_entry(proposed: Mapping[str, Any], issuer: x509.Certificate, now: datetime) -> EntryV2:
    """Return what to log for a ``CreateEntryRequest``; raises :class:`EntryError`."""
    try:
        ((request, content),) = proposed.items()
        if request not in _KINDS:
            raise EntryError(f"requests of kind {request[:40]!r} are not logged here")
        kind, field, record = _KINDS[request]
        spec = {field: record(content, issuer, now)}
    except (KeyError, TypeError, ValueError, AttributeError, InvalidSignature) as error:
        raise EntryError(f"malformed or wrongly signed entry: {type(error).__name__}") from error
    return EntryV2(kind, canonical_json({"apiVersion": VERSION, "kind": kind, "spec": spec}))


def _hashedrekord(content: Mapping[str, Any], issuer: x509.Certificate, now: datetime) -> dict[str, Any]:
    digest = _base64(content["digest"])
    key, signature = _signature(content["signature"], issuer, now)
    key.verify(_base64(signature["content"]), digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    return {"data": _sha256(digest), "signature": signature}


def _dsse(content: Mapping[str, Any], issuer: x509.Certificate, now: datetime) -> dict[str, Any]:
    envelope = content["envelope"]
    (signed,), (verifier,) = envelope["signatures"], content["verifiers"]
    payload = _base64(envelope["payload"])
    key, signature = _signature({"content": signed["sig"], "verifier": verifier}, issuer, now)
    key.verify(_base64(signature["content"]), pae(envelope["payloadType"], payload), ec.ECDSA(hashes.SHA256()))
    return {"payloadHash": _sha256(hashlib.sha256(payload).digest()), "signatures": [signature]}


_KINDS = {
    "hashedRekordRequestV002": ("hashedrekord", "hashedRekordV002", _hashedrekord),
    "dsseRequestV002": ("dsse", "dsseV002", _dsse),
}


def _signature(
    proposed: Mapping[str, Any], issuer: x509.Certificate, now: datetime
) -> tuple[ec.EllipticCurvePublicKey, dict[str, Any]]:
    """Return the key of a proposed signature, and the signature written canonically."""
    verifier = proposed["verifier"]
    if verifier["keyDetails"] != _KEY_DETAILS:
        raise EntryError("only P-256 keys with SHA-256 are logged here")
    certificate = _base64(verifier["x509Certificate"]["rawBytes"])
    key = current_key(x509.load_der_x509_certificate(certificate), issuer, now)
    recorded = {"keyDetails": _KEY_DETAILS, "x509Certificate": {"rawBytes": _text(certificate)}}
    return key, {"content": _text(_base64(proposed["content"])), "verifier": recorded}


def _sha256(digest: bytes) -> dict[str, str]:
    return {"algorithm": "SHA2_256", "digest": _text(digest)}


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
