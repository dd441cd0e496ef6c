"""The two JSON documents sigstore clients read: the trusted root and the client trust configuration.

Formats: sigstore/protobuf-specs, ``trustroot.proto`` (TrustedRoot 0.1, SigningConfig 0.2, ClientTrustConfig 0.1).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from theodore_plugin.signing.local.authority import Authority
from theodore_plugin.signing.local.trees import SignedTree

if TYPE_CHECKING:
    from cryptography import x509

RekorVersion = Literal[1, 2]
REKOR_V2: RekorVersion = 2
_OPERATOR = "theodore-plugin"


@dataclass(frozen=True, slots=True)
class Trees:
    """The three trees of an instance: signatures in both versions of Rekor, and certificates."""

    rekor: SignedTree
    rekor2: SignedTree
    ct: SignedTree


def trusted_root(authority: Authority, trees: Trees, start: datetime) -> dict[str, Any]:
    """Return the instance's TrustedRoot: its chain, its CT key, its log keys, its stamper, valid from ``start`` on."""
    valid_for = {"start": _timestamp(start)}
    base_url = f"https://{trees.rekor.origin}"
    subject = {"organization": "theodore-plugin local instance", "commonName": authority.fingerprint}
    chains = {
        "certificateAuthorities": (authority.intermediate, authority.root),
        "timestampAuthorities": (authority.stamper.certificate, authority.stamper.root),
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [_log(tree, valid_for) for tree in (trees.rekor, trees.rekor2)],
        "ctlogs": [_log(trees.ct, valid_for)],
        **{
            kind: [
                {
                    "subject": subject,
                    "uri": base_url,
                    "certChain": {"certificates": [_der(certificate) for certificate in chain]},
                    "validFor": valid_for,
                }
            ]
            for kind, chain in chains.items()
        },
    }


def client_trust_config(root: dict[str, Any], url: str, start: datetime, rekor: RekorVersion) -> dict[str, Any]:
    """Return a ClientTrustConfig whose services all live at ``url``, for entries of version ``rekor``.

    Version 2 entries have no time of their own, so the timestamp authority is named with them and only with them.
    """
    service = _service(url, 1, start)
    stampers = [{**service, "url": f"{url}/api/v1/timestamp"}] if rekor == REKOR_V2 else []
    return {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": root,
        "signingConfig": {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service],
            "oidcUrls": [],
            "rekorTlogUrls": [_service(url, rekor, start)],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": stampers,
            "tsaConfig": {"selector": "ANY"},
        },
    }


def _service(url: str, version: int, start: datetime) -> dict[str, Any]:
    valid_for = {"start": _timestamp(start)}
    return {"url": url, "majorApiVersion": version, "validFor": valid_for, "operator": _OPERATOR}


def _log(tree: SignedTree, valid_for: dict[str, str]) -> dict[str, Any]:
    key = tree.key.public_key()
    details = "PKIX_ED25519" if isinstance(key, Ed25519PublicKey) else "PKIX_ECDSA_P256_SHA_256"
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {
        "baseUrl": f"https://{tree.origin}",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": base64.b64encode(spki).decode(), "keyDetails": details, "validFor": valid_for},
        "logId": {"keyId": base64.b64encode(tree.id).decode()},
    }


def _der(certificate: x509.Certificate) -> dict[str, str]:
    return {"rawBytes": base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()}


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
