"""Reading the certificate log as any CT monitor does, to see whom certificates were issued for (RFC 6962, section 4).

``get-sth``, ``get-sth-consistency``, ``get-proof-by-hash`` and ``get-entries``. Entries are precertificates, as the SCT
in every certificate promises; their ``extra_data`` is the chain above.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding

from theodore_plugin.signing.local.service import RejectedError, Service
from theodore_plugin.signing.service.messages import Request

if TYPE_CHECKING:
    from cryptography import x509

MAX_ENTRIES = 100
"""In one answer; a monitor asks again from where it was cut (section 4.6)."""
_TREE_HASH = 1
_SHA256_ECDSA = b"\x04\x03"
_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class CertificateLog:
    """The answers about the certificate tree of one instance; all raise RejectedError."""

    service: Service

    def answer(self, path: str, request: Request) -> dict[str, Any]:
        """Answer ``GET /ct/v1/PATH``."""
        if path == "get-sth":
            return self._head()
        if path == "get-sth-consistency":
            return self._consistency(request.number("first"), request.number("second"))
        if path == "get-proof-by-hash":
            return self._proof(_digest(request.query.get("hash", "")), request.number("tree_size"))
        if path == "get-entries":
            return self._entries(request.number("start"), request.number("end"))
        raise RejectedError(404, "no such endpoint")

    def _head(self) -> dict[str, Any]:
        tree = self.service.ct
        head = tree.log.head(tree.name)
        time = int(self.service.now().timestamp()) * _MILLISECONDS
        signed = struct.pack("!BBQQ", 0, _TREE_HASH, time, head.size) + head.root
        signature = tree.sign(signed)
        return {
            "tree_size": head.size,
            "timestamp": time,
            "sha256_root_hash": _text(head.root),
            "tree_head_signature": _text(_SHA256_ECDSA + struct.pack("!H", len(signature)) + signature),
        }

    def _consistency(self, first: int, second: int) -> dict[str, Any]:
        tree = self.service.ct
        try:
            return {"consistency": [_text(one) for one in tree.log.consistency(tree.name, first, second)]}
        except IndexError as error:
            raise RejectedError(400, str(error)) from error

    def _proof(self, leaf_hash: bytes, size: int) -> dict[str, Any]:
        tree = self.service.ct
        index = tree.log.find(tree.name, leaf_hash)
        if index is None or index >= size:
            raise RejectedError(404, "no such entry in a tree of that size")
        try:
            path = tree.log.inclusion(tree.name, index, size)
        except IndexError as error:
            raise RejectedError(400, str(error)) from error
        return {"leaf_index": index, "audit_path": [_text(one) for one in path]}

    def _entries(self, start: int, end: int) -> dict[str, Any]:
        tree, chain = self.service.ct, _text(self._chain())
        size = tree.log.head(tree.name).size
        if not start <= end or start >= size:
            raise RejectedError(400, f"the log has entries 0 to {size - 1}")
        last = min(end, size - 1, start + MAX_ENTRIES - 1)
        bodies = (tree.log.entry(tree.name, index).body for index in range(start, last + 1))
        return {"entries": [{"leaf_input": _text(body), "extra_data": chain} for body in bodies]}

    def _chain(self) -> bytes:
        """Return the certificates above a precertificate, as ``ASN.1Cert`` list (section 3.1)."""
        authority = self.service.authority
        certificates = b"".join(_vector(_der(one)) for one in (authority.intermediate, authority.root))
        return _vector(certificates)


def _vector(data: bytes) -> bytes:
    return len(data).to_bytes(3, "big") + data


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _digest(text: str) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RejectedError(400, "hash is base64") from error
    if len(digest) != 32:
        raise RejectedError(400, "hash is that of a leaf: 32 bytes")
    return digest
