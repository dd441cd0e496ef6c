"""Signed tree heads: C2SP ``tlog-checkpoint`` inside a ``signed-note``.

Rekor v1 signs them with ECDSA and names the key by its RFC 6962 log id; Rekor v2 signs with Ed25519 and names it as
``signed-note`` says. A certificate-transparency tree has checkpoints of the first kind here.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from theodore_plugin.signing.local.authority import key_id
from theodore_plugin.signing.local.issued import Head

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_ED25519 = b"\x01"
_DASH = "\u2014"


def signed_checkpoint(origin: str, size: int, root: bytes, key: PrivateKey) -> str:
    """Return the checkpoint of a tree. ``origin`` names log and signer, and so may hold no space."""
    if not origin or any(character.isspace() or character == "+" for character in origin):
        raise ValueError(f"a signer name may hold neither blanks nor '+': {origin!r}")
    note = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    hint = log_id(origin, key.public_key())[:4]
    return f"{note}\n{_DASH} {origin} {base64.b64encode(hint + sign(key, note.encode())).decode()}\n"


def verified_head(checkpoint: str, origin: str, key: PublicKey) -> Head:
    """Return what a checkpoint says; raises ValueError unless it is by ``key`` for ``origin``, and nothing besides."""
    note, separator, signatures = checkpoint.partition("\n\n")
    named, size, root = note.split("\n")
    head = Head(int(size), base64.b64decode(root, validate=True))
    start = f"{_DASH} {origin} "
    if not separator or named != origin or not signatures.startswith(start) or signatures.count("\n") != 1:
        raise ValueError("the checkpoint is of another log")
    signature = base64.b64decode(signatures[len(start) :].strip(), validate=True)
    if signature[:4] != log_id(origin, key)[:4]:
        raise ValueError("the checkpoint is by another key")
    try:
        _verify(key, signature[4:], f"{note}\n".encode())
    except InvalidSignature:
        raise ValueError("the checkpoint's signature does not verify") from None
    return head


def log_id(origin: str, key: PublicKey) -> bytes:
    """Return the id of a log: its first four bytes are the key hint of its checkpoints."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key_id(key)
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + raw).digest()


def sign(key: PrivateKey, data: bytes) -> bytes:
    """Sign with SHA-256 where the key has no digest of its own."""
    return key.sign(data, ec.ECDSA(hashes.SHA256())) if isinstance(key, ec.EllipticCurvePrivateKey) else key.sign(data)


def _verify(key: PublicKey, signature: bytes, data: bytes) -> None:
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    else:
        key.verify(signature, data)
