"""The instance's certificate authority and its certificate-transparency key.

A leaf follows Fulcio's profile (sigstore/fulcio, ``docs/certificate-specification.md``): empty subject, one critical
subject alternative name (a URI or an e-mail address), code signing only, both issuer extensions, whatever else the
issuer vouches for (``docs/oid-info.md``), ten minutes of validity, and exactly one embedded SCT over the precertificate
(RFC 6962, section 3.2). The root's private key signs the intermediate and is then forgotten: it never reaches the disk.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID, ObjectIdentifier

from theodore_plugin.signing.local import der
from theodore_plugin.signing.local.timestamps import TimestampAuthority

LEAF_VALIDITY = timedelta(minutes=10)
_AUTHORITY_VALIDITY = timedelta(days=3650)
_FULCIO = "1.3.6.1.4.1.57264.1"
_ISSUER_V1 = ObjectIdentifier(f"{_FULCIO}.1")
_ISSUER_V2 = ObjectIdentifier(f"{_FULCIO}.8")
STATEMENTS: Mapping[str, ObjectIdentifier] = {
    name: ObjectIdentifier(f"{_FULCIO}.{number}")
    for name, number in {
        "build_signer_uri": 9,
        "build_signer_digest": 10,
        "runner_environment": 11,
        "source_repository_uri": 12,
        "source_repository_digest": 13,
        "source_repository_ref": 14,
        "source_repository_id": 15,
        "source_repository_owner_uri": 16,
        "source_repository_owner_id": 17,
        "build_config_uri": 18,
        "build_config_digest": 19,
        "build_trigger": 20,
        "run_invocation_uri": 21,
        "source_repository_visibility": 22,
    }.items()
}
"""What an issuer may state in a leaf, each a UTF8String. The names a trust file can demand are among them."""
_PRECERT_ENTRY = 1
_SHA256_ECDSA = b"\x04\x03"
"""TLS ``SignatureAndHashAlgorithm`` of an SCT: SHA-256 with ECDSA (RFC 5246, section 7.4.1.4.1)."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Everything needed to issue leaves and timestamps: the chain, the issuing key, the CT key and the stamper."""

    root: x509.Certificate
    intermediate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    ct_key: ec.EllipticCurvePrivateKey
    stamper: TimestampAuthority

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the root certificate in DER, hex: the name of this trust root everywhere."""
        return self.root.fingerprint(hashes.SHA256()).hex()

    def issue(
        self,
        public_key: ec.EllipticCurvePublicKey,
        identity: str,
        issuer: str,
        now: datetime,
        claims: Mapping[str, str] | None = None,
        *,
        email: bool = False,
    ) -> Leaf:
        """Issue a leaf for ``identity`` as vouched for by ``issuer``, valid from ``now`` cut to the second.

        ``identity`` is a URI, or an address where ``email`` says so, in ASCII. ``claims`` are further values the issuer
        vouches for, by the names of :data:`STATEMENTS`.
        """
        name = x509.RFC822Name(identity) if email else x509.UniformResourceIdentifier(identity)
        builder = _with_claims(self._leaf(public_key, name, issuer, now.replace(microsecond=0)), claims or {})
        # The CT log signs the TBS without the SCT list. The SCT is added last, so signing the same builder once
        # without it yields exactly those bytes.
        precertificate = builder.sign(self.key, hashes.SHA256())
        entry = _ct_entry(precertificate.tbs_certificate_bytes, self.intermediate, now)
        sct = _sct(entry, self.ct_key, now)
        final = builder.add_extension(
            x509.UnrecognizedExtension(
                ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS, der.octet_string(_tls_list(sct))
            ),
            critical=False,
        ).sign(self.key, hashes.SHA256())
        return Leaf(final, entry)

    def _leaf(
        self, public_key: ec.EllipticCurvePublicKey, name: x509.GeneralName, issuer: str, start: datetime
    ) -> x509.CertificateBuilder:
        unrecognised = x509.UnrecognizedExtension
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.intermediate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + LEAF_VALIDITY)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(_authority_key_identifier(self.intermediate), critical=False)
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
            .add_extension(unrecognised(_ISSUER_V1, issuer.encode()), critical=False)
            .add_extension(unrecognised(_ISSUER_V2, der.utf8_string(issuer)), critical=False)
        )


@dataclass(frozen=True, slots=True)
class Leaf:
    """An issued certificate and the CT log entry its SCT promises."""

    certificate: x509.Certificate
    ct_entry: bytes


def create_authority(now: datetime) -> Authority:
    """Create a root, an intermediate, a CT key and a timestamp authority, all new."""
    start = now.replace(microsecond=0)
    root_key, key, stamping_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    tag = hashlib.sha256(spki(root_key.public_key())).hexdigest()[:12]
    root_name = f"theodore local root {tag}"
    root = _ca(root_key, root_key.public_key(), (root_name, root_name), start, path_length=1)
    intermediate = _ca(
        root_key,
        key.public_key(),
        (f"theodore local signing {tag}", root_name),
        start,
        path_length=0,
        extra=lambda builder: _code_signing_under(builder, root),
    )
    names = (f"theodore local timestamps {tag}", root_name)
    stamping = _stamping(_named(stamping_key.public_key(), names, start), root).sign(root_key, hashes.SHA256())
    stamper = TimestampAuthority(stamping, root, stamping_key)
    return Authority(root, intermediate, key, ec.generate_private_key(ec.SECP256R1()), stamper)


def spki(public_key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the SubjectPublicKeyInfo in DER, the bytes that key ids are digests of."""
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(public_key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the log id of a key: SHA-256 of its SubjectPublicKeyInfo (RFC 6962, section 3.2)."""
    return hashlib.sha256(spki(public_key)).digest()


def _with_claims(builder: x509.CertificateBuilder, claims: Mapping[str, str]) -> x509.CertificateBuilder:
    for name, value in claims.items():
        extension = x509.UnrecognizedExtension(STATEMENTS[name], der.utf8_string(value))
        builder = builder.add_extension(extension, critical=False)
    return builder


def _ca(
    signing_key: ec.EllipticCurvePrivateKey,
    public_key: ec.EllipticCurvePublicKey,
    names: tuple[str, str],
    start: datetime,
    *,
    path_length: int,
    extra: Callable[[x509.CertificateBuilder], x509.CertificateBuilder] = lambda builder: builder,
) -> x509.Certificate:
    builder = (
        _named(public_key, names, start)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return extra(builder).sign(signing_key, hashes.SHA256())


def _named(public_key: ec.EllipticCurvePublicKey, names: tuple[str, str], start: datetime) -> x509.CertificateBuilder:
    subject, issuer = names
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _AUTHORITY_VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _stamping(builder: x509.CertificateBuilder, root: x509.Certificate) -> x509.CertificateBuilder:
    """Make it a certificate for timestamps and nothing else, as RFC 3161, section 2.3, demands."""
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(_authority_key_identifier(root), critical=False)
    )


def _code_signing_under(builder: x509.CertificateBuilder, root: x509.Certificate) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
    ).add_extension(_authority_key_identifier(root), critical=False)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "theodore-plugin local instance"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _ct_entry(tbs: bytes, issuer: x509.Certificate, now: datetime) -> bytes:
    """Return the ``MerkleTreeLeaf`` of a precertificate, which is also what the SCT signs (RFC 6962, 3.2 and 3.4)."""
    issuer_key = issuer.public_key()
    if not isinstance(issuer_key, ec.EllipticCurvePublicKey):
        raise TypeError("the issuing certificate has no EC key")
    header = struct.pack("!BBQH", 0, 0, _milliseconds(now), _PRECERT_ENTRY)
    return header + key_id(issuer_key) + len(tbs).to_bytes(3, "big") + tbs + b"\x00\x00"


def _sct(entry: bytes, ct_key: ec.EllipticCurvePrivateKey, now: datetime) -> bytes:
    signature = ct_key.sign(entry, ec.ECDSA(hashes.SHA256()))
    head = b"\x00" + key_id(ct_key.public_key()) + struct.pack("!QH", _milliseconds(now), 0)
    return head + _SHA256_ECDSA + struct.pack("!H", len(signature)) + signature


def _tls_list(sct: bytes) -> bytes:
    """Return a ``SignedCertificateTimestampList`` with this one SCT (RFC 6962, section 3.3)."""
    return struct.pack("!HH", len(sct) + 2, len(sct)) + sct


def _milliseconds(moment: datetime) -> int:
    # cryptography reads an SCT's timestamp back with microseconds; sigstore truncates it to milliseconds again.
    return int(moment.timestamp()) * 1000
