from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from theodore_plugin.signing.local import der


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, "0400"),
        (1, "0401"),
        (127, "047f"),
        (128, "048180"),
        (255, "0481ff"),
        (256, "04820100"),
        (65536, "0483010000"),
    ],
)
def test_lengths_are_encoded_as_x690_says(length: int, head: str) -> None:
    assert der.octet_string(bytes(length)).hex() == head + "00" * length


def test_text_is_utf8_and_counted_in_bytes() -> None:
    assert der.utf8_string("é").hex() == "0c02c3a9"


def test_long_issuers_survive_in_certificates() -> None:
    from datetime import UTC, datetime

    from cryptography.hazmat.primitives.asymmetric import ec
    from sigstore.verify.policy import OIDCIssuerV2

    from theodore_plugin.signing.local.authority import create_authority, spki

    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    assert load_der_public_key(spki(key)) == key
    issuer = "https://issuer.example.com/" + "a" * 300
    leaf = create_authority(now).issue(key, "https://example.com/me", issuer, now).certificate
    OIDCIssuerV2(issuer).verify(leaf)
    assert leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
