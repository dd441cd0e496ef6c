"""What a signing certificate says about its holder: one identity, and the claims of whoever vouched for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from theodore_loader.trust.claims import CLAIMS

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_UTF8_STRING = 0x0C


def identity_of(certificate: Certificate) -> str:
    """Return the one URI or e-mail address a certificate is for; raises ValueError if it is not exactly one."""
    from cryptography.x509 import RFC822Name, SubjectAlternativeName, UniformResourceIdentifier

    names = list(certificate.extensions.get_extension_for_class(SubjectAlternativeName).value)
    identities = [name.value for name in names if isinstance(name, RFC822Name | UniformResourceIdentifier)]
    if len(identities) != 1 or len(names) != 1:
        raise ValueError("does not name exactly one identity")
    return identities[0]


def claims_of(certificate: Certificate) -> dict[str, str]:
    """Return the claims a certificate carries, by our names; raises ValueError for one that is no UTF8String."""
    from cryptography.x509 import UnrecognizedExtension
    from sigstore.verify import policy

    values = {
        extension.oid: extension.value.value
        for extension in certificate.extensions
        if isinstance(extension.value, UnrecognizedExtension)
    }
    found = {name: values.get(getattr(policy, reader).oid) for name, reader in CLAIMS.items()}
    return {name: _utf8_string(value) for name, value in found.items() if value is not None}


def _utf8_string(der: bytes) -> str:
    """Decode one UTF8String in DER (X.690, section 8.23), nothing after it."""
    if len(der) < 2 or der[0] != _UTF8_STRING:
        raise ValueError("a claim of the certificate is no UTF8String")
    start, length = 2, der[1]
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
        if start - 2 > 4 or length < 0x80 or der[2] == 0:
            raise ValueError("a claim of the certificate is not in DER")
    if len(der) != start + length:
        raise ValueError("a claim of the certificate has a wrong length")
    return der[start:].decode("utf-8")
