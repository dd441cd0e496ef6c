"""Requests for a certificate, in both forms that Fulcio takes (sigstore/fulcio, ``fulcio.proto``).

- a certificate signing request, the token in the ``Authorization`` header (sigstore-python);
- a public key with the subject of the token signed by it, the token in the body (sigstore-js, cosign).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key


class KeyRequestError(Exception):
    """The request is malformed, for a key that is not certified here, or does not prove possession of its key."""


def proven_key(request: Mapping[str, Any], token: str) -> ec.EllipticCurvePublicKey:
    """Return the P-256 key that ``request`` proves possession of; raises :class:`KeyRequestError`.

    ``token`` is the one that comes with it. What it says is believed no further than that it is what was signed.
    """
    if "publicKeyRequest" in request:
        return _signed_subject(request["publicKeyRequest"], token)
    return _signed_request(request)


def stated_token(request: Mapping[str, Any]) -> str | None:
    """Return the token a request carries in its body, if it does."""
    credentials = request.get("credentials")
    token = credentials.get("oidcIdentityToken") if isinstance(credentials, dict) else None
    return token if isinstance(token, str) else None


def _signed_request(request: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    try:
        csr = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"], validate=True))
        key = _p256(csr.public_key())
    except (KeyError, TypeError, ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise KeyRequestError("certificateSigningRequest is not a base64 PEM request") from error
    if not csr.is_signature_valid:
        raise KeyRequestError("the request does not prove possession of its key")
    return key


def _signed_subject(request: Mapping[str, Any], token: str) -> ec.EllipticCurvePublicKey:
    try:
        key = _p256(load_pem_public_key(request["publicKey"]["content"].encode("ascii")))
        proof = base64.b64decode(request["proofOfPossession"], validate=True)
        subject = _subject(token)
    except (LookupError, TypeError, ValueError, AttributeError, UnsupportedAlgorithm) as error:
        raise KeyRequestError("publicKeyRequest is not a PEM key with a proof of possession") from error
    try:
        key.verify(proof, subject.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise KeyRequestError("the request does not prove possession of its key") from None
    return key


def _subject(token: str) -> str:
    """Return what clients sign to prove possession: the token's e-mail address, or else its subject."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims.get("email") or claims["sub"])


def _p256(key: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyRequestError("only P-256 keys are certified here")
    return key
