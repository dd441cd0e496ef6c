"""Signed tree heads: C2SP ``tlog-checkpoint`` inside a ``signed-note``, signed with ECDSA as Rekor v1 does."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from theodore_plugin.signing.local.authority import key_id


def signed_checkpoint(origin: str, size: int, root: bytes, key: ec.EllipticCurvePrivateKey) -> str:
    """Return the checkpoint of a tree. ``origin`` names log and signer, and so may hold no space."""
    if not origin or any(character.isspace() or character == "+" for character in origin):
        raise ValueError(f"a signer name may hold neither blanks nor '+': {origin!r}")
    note = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = key.sign(note.encode(), ec.ECDSA(hashes.SHA256()))
    hint = key_id(key.public_key())[:4]
    return f"{note}\n— {origin} {base64.b64encode(hint + signature).decode()}\n"
