"""The private files of an instance: written once, readable by their owner, refused when others could read them."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from theodore_loader.regular_file import read_regular
from theodore_loader.whole_file import flush_folder

_OTHERS = 0o077
_MAX_BYTES = 1 << 16


def refuse_exposed(folder: Path) -> None:
    """Raise PermissionError if others can enter the folder, or read or own one of its keys."""
    for path, mode in ((folder, "700"), *((key, "600") for key in folder.glob("*.key"))):
        status = path.stat()
        if status.st_mode & _OTHERS:
            raise PermissionError(f"{path.name} can be read by other users; chmod {mode} it if nobody has copied a key")
        if hasattr(os, "geteuid") and status.st_uid not in (0, os.geteuid()):
            raise PermissionError(f"{path.name} belongs to another user (uid {status.st_uid})")


def destroy_keys(folder: Path) -> None:
    """Remove every private key of a folder: nothing more is ever signed with them."""
    for path in folder.glob("*.key"):
        path.unlink()
    flush_folder(folder)


def read_certificate(path: Path) -> x509.Certificate:
    """Read a certificate in PEM."""
    return x509.load_pem_x509_certificate(read_regular(path, _MAX_BYTES))


def read_ec_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read a private EC key; raises ValueError or TypeError for anything else."""
    key = serialization.load_pem_private_key(read_regular(path, _MAX_BYTES), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path.name} holds no EC key")
    return key


def read_ed25519_key(path: Path) -> ed25519.Ed25519PrivateKey:
    """Read a private Ed25519 key; raises ValueError or TypeError for anything else."""
    key = serialization.load_pem_private_key(read_regular(path, _MAX_BYTES), password=None)
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise TypeError(f"{path.name} holds no Ed25519 key")
    return key


def pem_certificate(certificate: x509.Certificate) -> bytes:
    """Write a certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def pem_key(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """Write a private key in PEM, not encrypted: the folder's mode protects it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
