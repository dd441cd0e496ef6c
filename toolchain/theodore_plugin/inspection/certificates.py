"""Every field of a signing certificate, for people; nothing here says that the certificate is genuine.

Extensions under 1.3.6.1.4.1.57264.1 are Fulcio's (sigstore/fulcio, ``docs/oid-info.md``): the early ones are bare
text, those from .8 on a DER UTF8String.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Extension

_FULCIO = "1.3.6.1.4.1.57264.1."
_NAMES = {
    "1": "issuer (old form)",
    "2": "workflow trigger (old form)",
    "3": "workflow commit (old form)",
    "4": "workflow name (old form)",
    "5": "workflow repository (old form)",
    "6": "workflow ref (old form)",
    "7": "other name",
    "8": "issuer",
    "9": "build signer URI",
    "10": "build signer digest",
    "11": "runner environment",
    "12": "source repository URI",
    "13": "source repository digest",
    "14": "source repository ref",
    "15": "source repository id",
    "16": "source repository owner URI",
    "17": "source repository owner id",
    "18": "build config URI",
    "19": "build config digest",
    "20": "build trigger",
    "21": "run invocation URI",
    "22": "source repository visibility",
}
_FIRST_DER = 8
_USAGES = ("digital_signature", "content_commitment", "key_encipherment", "key_cert_sign", "crl_sign")
_MAX_VALUE = 2000


def certificate_fields(der: bytes) -> tuple[tuple[str, str], ...]:
    """Return label and value of every field; a certificate that cannot be read is one field that says so."""
    from cryptography.x509 import load_der_x509_certificate

    try:
        return tuple((label, value[:_MAX_VALUE]) for label, value in _fields(load_der_x509_certificate(der)))
    except Exception as error:  # a parser meets hostile bytes here; whatever it says, there is nothing to show
        return (("certificate", f"cannot be read: {str(error)[:200] or type(error).__name__}"),)


def _fields(certificate: Certificate) -> Iterator[tuple[str, str]]:
    from cryptography.hazmat.primitives.hashes import SHA256

    yield "serial number", f"{certificate.serial_number:x}"
    yield "subject", certificate.subject.rfc4514_string() or "(empty)"
    yield "issued by", certificate.issuer.rfc4514_string()
    yield "valid from", f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%SZ}"
    yield "valid until", f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%SZ}"
    yield "key", _key(certificate.public_key())
    yield "signature", str(certificate.signature_algorithm_oid._name)
    yield "fingerprint", f"sha256 {certificate.fingerprint(SHA256()).hex()}"
    for extension in certificate.extensions:
        yield from _extension(extension)


def _key(key: Any) -> str:
    curve = getattr(getattr(key, "curve", None), "name", "")
    return f"{type(key).__name__.removesuffix('PublicKey').lstrip('_')} {curve or getattr(key, 'key_size', '')}".strip()


def _extension(extension: Extension[Any]) -> Iterator[tuple[str, str]]:
    from cryptography import x509

    value, critical = extension.value, ", critical" if extension.critical else ""
    match value:
        case x509.SubjectAlternativeName():
            yield from ((f"identity{critical}", str(getattr(name, "value", name))) for name in value)
        case x509.PrecertificateSignedCertificateTimestamps():
            for sct in value:
                yield "CT log", f"{sct.log_id.hex()} at {sct.timestamp:%Y-%m-%d %H:%M:%SZ}"
        case x509.SubjectKeyIdentifier():
            yield "key identifier", value.digest.hex()
        case x509.AuthorityKeyIdentifier():
            yield "issuer's key identifier", (value.key_identifier or b"").hex()
        case x509.KeyUsage():
            allowed = [name for name in _USAGES if getattr(value, name)]
            yield f"key usage{critical}", ", ".join(name.replace("_", " ") for name in allowed)
        case x509.ExtendedKeyUsage():
            yield f"extended key usage{critical}", ", ".join(str(oid._name) for oid in value)
        case x509.UnrecognizedExtension() if value.oid.dotted_string.startswith(_FULCIO):
            yield _fulcio(value.oid.dotted_string.removeprefix(_FULCIO), value.value)
        case x509.UnrecognizedExtension():
            yield value.oid.dotted_string, value.value.hex()
        case _:
            yield f"{extension.oid._name}{critical}", _plain(value)


def _fulcio(number: str, raw: bytes) -> tuple[str, str]:
    der = number.isdigit() and int(number) >= _FIRST_DER
    text = raw[2 if not raw[1:2] or raw[1] < 0x80 else 2 + (raw[1] & 0x7F) :] if der else raw
    return _NAMES.get(number, f"{_FULCIO}{number}"), text.decode("utf-8", "replace")


def _plain(value: object) -> str:
    """Return what an extension says, without the name of the class that says it."""
    return repr(value).partition("(")[2].removesuffix(")>").removesuffix(")")
