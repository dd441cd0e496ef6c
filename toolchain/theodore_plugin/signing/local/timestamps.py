"""The instance's timestamp authority (RFC 3161): signs that a digest was seen at a time.

Rekor v2 entries carry no time of their own, so a signature is stamped before it is logged. Answers are CMS signed data
(RFC 5652) with the signing certificate bound in (RFC 5035, ``signingCertificateV2``), and hold whole seconds.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from theodore_plugin.signing.local import der
from theodore_plugin.signing.local.der_reader import DerError, Reader

if TYPE_CHECKING:
    from cryptography import x509

_SHA256 = "2.16.840.1.101.3.4.2.1"
_DIGEST_SIZES = {_SHA256: 32, "2.16.840.1.101.3.4.2.2": 48, "2.16.840.1.101.3.4.2.3": 64}
_JSON_DIGESTS = dict(zip(("sha256", "sha384", "sha512"), _DIGEST_SIZES, strict=True))
_ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_POLICY = "1.3.6.1.4.1.57264.2"
"""The policy sigstore's own timestamp authority states: a short-lived signature's time, to the second."""
_BOOLEAN = 0x01
_DIRECTORY_NAME = 4
_MAX_NONCE_BITS = 512


class TimestampError(Exception):
    """The request is no timestamp query, or asks for what is not done here."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a client asks for (``TimeStampReq``)."""

    imprint: bytes
    """The ``MessageImprint`` as it came, DER."""
    nonce: int | None
    wants_certificate: bool


@dataclass(frozen=True, slots=True)
class TimestampAuthority:
    """The stamping key, its certificate, and the root that issued it."""

    certificate: x509.Certificate
    root: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def answer(self, request: bytes, now: datetime) -> bytes:
        """Return a granted ``TimeStampResp`` for ``request``; raises :class:`TimestampError`."""
        query = read_query(request)
        if query.nonce is not None and query.nonce.bit_length() > _MAX_NONCE_BITS:
            raise TimestampError("the nonce is too long")
        status = der.sequence(der.integer(0))
        return der.sequence(status, self._token(_statement(query, now), with_certificate=query.wants_certificate))

    def _token(self, statement: bytes, *, with_certificate: bool) -> bytes:
        content = der.sequence(der.object_identifier(_TST_INFO), der.explicit(0, der.octet_string(statement)))
        certificates = der.encode(0xA0, _der(self.certificate)) if with_certificate else b""
        signed = der.sequence(
            der.integer(3),
            der.set_of([_algorithm(_SHA256)]),
            content,
            certificates,
            der.set_of([self._signer(statement)]),
        )
        return der.sequence(der.object_identifier(_SIGNED_DATA), der.explicit(0, signed))

    def _signer(self, statement: bytes) -> bytes:
        attributes = der.set_of(
            [
                _attribute(_CONTENT_TYPE, der.object_identifier(_TST_INFO)),
                _attribute(_MESSAGE_DIGEST, der.octet_string(hashlib.sha256(statement).digest())),
                _attribute(_SIGNING_CERTIFICATE_V2, self._bound_certificate()),
            ]
        )
        signature = self.key.sign(attributes, ec.ECDSA(hashes.SHA256()))
        return der.sequence(
            der.integer(1),
            der.sequence(_name(self.certificate), der.integer(self.certificate.serial_number)),
            _algorithm(_SHA256),
            # Signed as a SET, carried under the tag [0] instead (RFC 5652, section 5.4).
            b"\xa0" + attributes[1:],
            _algorithm(_ECDSA_WITH_SHA256),
            der.octet_string(signature),
        )

    def _bound_certificate(self) -> bytes:
        digest = hashlib.sha256(_der(self.certificate)).digest()
        issuer = der.sequence(der.explicit(_DIRECTORY_NAME, _name(self.certificate)))
        serial = der.integer(self.certificate.serial_number)
        return der.sequence(der.sequence(der.sequence(der.octet_string(digest), der.sequence(issuer, serial))))


def read_query(request: bytes) -> Query:
    """Read a ``TimeStampReq`` strictly, or sigstore's JSON form of one; raises :class:`TimestampError`."""
    if request.startswith(b"{"):
        return _json_query(request)
    try:
        whole = Reader(request)
        query = whole.sequence()
        whole.end()
        if query.integer() != 1:
            raise DerError("version 1 is expected")
        imprint = _imprint(query.sequence())
        if query.next_is(der.OID) and query.take(der.OID) != der.object_identifier(_POLICY)[2:]:
            raise DerError("another policy is asked for")
        nonce = query.integer() if query.next_is(der.INTEGER) else None
        wants_certificate = _boolean(query)
        query.end()
    except DerError as error:
        raise TimestampError(f"this is no timestamp query that can be answered: {error}") from error
    return Query(imprint, nonce, wants_certificate)


def _json_query(request: bytes) -> Query:
    """Read what sigstore's timestamp authority takes as ``application/json`` (``pkg/api/timestamp.go``)."""
    try:
        asked = json.loads(request)
        name, nonce = _JSON_DIGESTS[asked["hashAlgorithm"]], asked.get("nonce")
        digest = base64.b64decode(asked["artifactHash"], validate=True)
        if len(digest) != _DIGEST_SIZES[name] or not (nonce is None or type(nonce) is int):
            raise ValueError("a digest of its algorithm's length, and a whole number as nonce")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise TimestampError("this is no timestamp query in JSON") from error
    imprint = der.sequence(_algorithm(name), der.octet_string(digest))
    return Query(imprint, nonce, wants_certificate=asked.get("certificates") is True)


def _imprint(reader: Reader) -> bytes:
    algorithm = reader.sequence()
    content = algorithm.take(der.OID)
    if algorithm.next_is(der.NULL[0]) and algorithm.take(der.NULL[0]):
        raise DerError("NULL holds nothing")
    algorithm.end()
    digest = reader.take(der.OCTET_STRING)
    reader.end()
    known = {der.object_identifier(name)[2:]: (name, size) for name, size in _DIGEST_SIZES.items()}
    name, size = known.get(content, ("", 0))
    if not size or len(digest) != size:
        raise DerError("a SHA-256, SHA-384 or SHA-512 digest is expected")
    return der.sequence(_algorithm(name), der.octet_string(digest))


def _boolean(reader: Reader) -> bool:
    if not reader.next_is(_BOOLEAN):
        return False
    if reader.take(_BOOLEAN) != b"\xff":
        raise DerError("FALSE is the default, and not written")
    return True


def _statement(query: Query, now: datetime) -> bytes:
    """Return the ``TSTInfo``: what was seen, under which serial number, and when."""
    return der.sequence(
        der.integer(1),
        der.object_identifier(_POLICY),
        query.imprint,
        der.integer(secrets.randbits(127) | 1 << 126),
        der.generalized_time(now),
        der.sequence(der.integer(1)),
        *([] if query.nonce is None else [der.integer(query.nonce)]),
    )


def _attribute(kind: str, value: bytes) -> bytes:
    return der.sequence(der.object_identifier(kind), der.set_of([value]))


def _algorithm(name: str) -> bytes:
    return der.sequence(der.object_identifier(name))


def _name(certificate: x509.Certificate) -> bytes:
    return certificate.issuer.public_bytes()


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)
