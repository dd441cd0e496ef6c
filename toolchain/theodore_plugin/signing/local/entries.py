"""Rekor v1 log entries: check what a client proposes, and write it down canonically.

``hashedrekord`` and ``dsse``, both 0.0.1 (sigstore/rekor, ``pkg/types``). The log records only signatures it has
verified, by certificates its own authority issued and that are valid now.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

_API_VERSION = "0.0.1"


class EntryError(Exception):
    """The proposed entry is malformed, or its signature is not one of ours."""


def canonical_body(proposed: Mapping[str, Any], issuer: x509.Certificate, now: datetime) -> bytes:
    """Return the body to log for ``proposed``; raises :class:`EntryError`."""
    try:
        kind, version, spec = proposed["kind"], proposed["apiVersion"], proposed["spec"]
        if version != _API_VERSION or kind not in _KINDS:
            raise EntryError(f"entries of kind {kind}/{version} are not logged here")
        recorded = _KINDS[kind](spec, issuer, now)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidSignature) as error:
        raise EntryError(f"malformed or wrongly signed entry: {type(error).__name__}") from error
    return canonical_json({"apiVersion": version, "kind": kind, "spec": recorded})


def canonical_json(value: Any) -> bytes:
    """Serialise as RFC 8785 does for the values used here: ASCII strings, integers, objects and lists."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _hashedrekord(spec: Mapping[str, Any], issuer: x509.Certificate, now: datetime) -> dict[str, Any]:
    digest, signature = spec["data"]["hash"], spec["signature"]
    if digest["algorithm"] != "sha256":
        raise EntryError("only SHA-256 digests are logged here")
    verifier = signature["publicKey"]["content"]
    key = _public_key(verifier, issuer, now)
    key.verify(_base64(signature["content"]), bytes.fromhex(digest["value"]), ec.ECDSA(Prehashed(hashes.SHA256())))
    return {
        "data": {"hash": {"algorithm": "sha256", "value": digest["value"]}},
        "signature": {"content": signature["content"], "publicKey": {"content": verifier}},
    }


def _dsse(spec: Mapping[str, Any], issuer: x509.Certificate, now: datetime) -> dict[str, Any]:
    envelope_text = spec["proposedContent"]["envelope"]
    (verifier,) = spec["proposedContent"]["verifiers"]
    envelope = json.loads(envelope_text)
    (signature,) = envelope["signatures"]
    payload = _base64(envelope["payload"])
    key = _public_key(verifier, issuer, now)
    key.verify(_base64(signature["sig"]), pae(envelope["payloadType"], payload), ec.ECDSA(hashes.SHA256()))
    return {
        "envelopeHash": _sha256(envelope_text.encode()),
        "payloadHash": _sha256(payload),
        "signatures": [{"signature": signature["sig"], "verifier": verifier}],
    }


_KINDS = {"hashedrekord": _hashedrekord, "dsse": _dsse}


def current_key(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> ec.EllipticCurvePublicKey:
    """Return the key of a certificate that ``issuer`` issued and that is valid; raises :class:`EntryError`."""
    certificate.verify_directly_issued_by(issuer)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise EntryError("the certificate is out of its time")
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise EntryError("the certificate's key is not an EC key")
    return key


def _public_key(verifier: str, issuer: x509.Certificate, now: datetime) -> ec.EllipticCurvePublicKey:
    return current_key(x509.load_pem_x509_certificate(_base64(verifier)), issuer, now)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding (DSSE protocol, v1)."""
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _sha256(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}
