"""What is read from signing certificates, and what is refused in them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from theodore_loader.trust.certificate import claims_of, identity_of
from theodore_loader.trust.claims import CLAIMS
from theodore_loader.trust.signatures import Signer
from theodore_plugin.signing.local.authority import create_authority

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWNER = {"source_repository_owner_id": "1234567", "source_repository_owner_uri": "https://example.com/" + "å" * 200}
OWNER_ID = "1.3.6.1.4.1.57264.1.17"


def certificate(*, names: list[x509.GeneralName], extensions: dict[str, bytes]) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
    )
    for oid, value in extensions.items():
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


ME = x509.UniformResourceIdentifier("https://example.com/me")


def test_the_claims_an_authority_was_told_are_read_back_and_no_others() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    leaf = create_authority(NOW).issue(key, "https://example.com/me", "https://issuer.example.com", NOW, OWNER)
    assert claims_of(leaf.certificate) == OWNER
    assert identity_of(leaf.certificate) == "https://example.com/me"
    every = {name: f"value of {name}" for name in CLAIMS}
    leaf = create_authority(NOW).issue(key, "https://example.com/me", "https://issuer.example.com", NOW, every)
    assert claims_of(leaf.certificate) == every


@pytest.mark.parametrize(
    "der",
    [
        "",
        "0c",
        "0c05616263",
        "0c026162ff",
        "1303616263",
        "616263",
        "0c8103616263",
        "0c80",
        "0c8500000000036162",
        "0c01ff",
    ],
)
def test_a_claim_that_is_not_one_der_string_is_refused(der: str) -> None:
    with pytest.raises(ValueError, match=r"claim|utf-8"):
        claims_of(certificate(names=[ME], extensions={OWNER_ID: bytes.fromhex(der)}))


@pytest.mark.parametrize(
    "names",
    [[], [ME, ME], [ME, x509.DNSName("example.com")], [x509.DNSName("example.com")]],
    ids=["none", "two", "one-and-another-kind", "another-kind"],
)
def test_a_certificate_names_exactly_one_identity(names: list[x509.GeneralName]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        identity_of(certificate(names=names, extensions={}))


def test_a_signer_keeps_its_claims_in_a_receipt_and_stays_hashable() -> None:
    signer = Signer("acme", "https://issuer", "https://me", 1, NOW, OWNER)
    assert msgspec.convert(msgspec.to_builtins(signer), Signer) == signer
    assert signer != Signer("acme", "https://issuer", "https://me", 1, NOW)
    assert len({signer, Signer("acme", "https://issuer", "https://me", 1, NOW)}) == 2
