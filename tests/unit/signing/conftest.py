"""Instances of one's own, and entries as clients propose them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from theodore_plugin.signing.local.instance import ISSUER, LocalInstance, open_or_create

SignedEntry = Callable[[LocalInstance, bytes], bytes]


@pytest.fixture
def fresh(tmp_path: Path) -> LocalInstance:
    """An instance nobody has signed with."""
    return open_or_create("default", tmp_path)


@pytest.fixture(scope="session")
def signed_entry() -> SignedEntry:
    """A Rekor v2 proposal over ``data``, signed with a certificate of the instance that is in its CT log."""

    def propose(instance: LocalInstance, data: bytes) -> bytes:
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        leaf = instance.authority.issue(key.public_key(), instance.identity, ISSUER, now)
        instance.trees.ct.append(leaf.ct_entry, int(now.timestamp()))
        certificate = leaf.certificate.public_bytes(serialization.Encoding.DER)
        verifier = {"x509Certificate": {"rawBytes": _text(certificate)}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
        signature = {"content": _text(key.sign(data, ec.ECDSA(hashes.SHA256()))), "verifier": verifier}
        request = {"digest": _text(hashlib.sha256(data).digest()), "signature": signature}
        return json.dumps({"hashedRekordRequestV002": request}).encode()

    return propose


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
