"""The two JSON documents sigstore clients read: the trusted root and the client trust configuration.

Formats: sigstore/protobuf-specs, ``trustroot.proto`` (TrustedRoot 0.1, SigningConfig 0.2, ClientTrustConfig 0.1).
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization

from theodore_plugin.signing.local.authority import Authority, key_id, spki

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

_OPERATOR = "theodore-plugin"


def trusted_root(
    authority: Authority, log_key: ec.EllipticCurvePublicKey, origin: str, start: datetime
) -> dict[str, Any]:
    """Return the instance's TrustedRoot: its chain, its CT key and its log key, valid from ``start`` on."""
    valid_for = {"start": _timestamp(start)}
    base_url = f"https://{origin}"
    subject = {"organization": "theodore-plugin local instance", "commonName": authority.fingerprint}
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [_log(log_key, base_url, valid_for)],
        "certificateAuthorities": [
            {
                "subject": subject,
                "uri": base_url,
                "certChain": {"certificates": [_der(authority.intermediate), _der(authority.root)]},
                "validFor": valid_for,
            }
        ],
        "ctlogs": [_log(authority.ct_key.public_key(), base_url, valid_for)],
        "timestampAuthorities": [],
    }


def client_trust_config(root: dict[str, Any], url: str, start: datetime) -> dict[str, Any]:
    """Return a ClientTrustConfig whose services all live at ``url``."""
    service = {
        "url": url,
        "majorApiVersion": 1,
        "validFor": {"start": _timestamp(start)},
        "operator": _OPERATOR,
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": root,
        "signingConfig": {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service],
            "oidcUrls": [],
            "rekorTlogUrls": [service],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [],
        },
    }


def _log(key: ec.EllipticCurvePublicKey, base_url: str, valid_for: dict[str, str]) -> dict[str, Any]:
    return {
        "baseUrl": base_url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": base64.b64encode(spki(key)).decode(),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": valid_for,
        },
        "logId": {"keyId": base64.b64encode(key_id(key)).decode()},
    }


def _der(certificate: x509.Certificate) -> dict[str, str]:
    return {"rawBytes": base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()}


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
