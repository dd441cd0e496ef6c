"""A local instance on disk: one folder of keys, certificates and the log, created in one rename.

::

    <home>/instances/<name>/        0700
        instance.json               schema, name, time of creation
        root.pem intermediate.pem   the chain; the root's private key was never written
        intermediate.key ct.key log.key     0600
        log.sqlite3                 the transparency logs, 0600
        trusted_root.json           what verifiers need, for any sigstore tool
        trust_config.json           the same inside a ClientTrustConfig, for ``sigstore --trust-config``
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from filelock import FileLock

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import home_dir, private_dir
from theodore_loader.trust.protected import name_file
from theodore_plugin.signing.local import documents
from theodore_plugin.signing.local.authority import Authority, create_authority
from theodore_plugin.signing.local.log import Log
from theodore_plugin.signing.local.service import Service
from theodore_plugin.signing.local.tokens import Mint

ISSUER = "https://local.theodore.invalid"
"""The OIDC issuer every local certificate names. ``.invalid`` never resolves (RFC 6761): which instance it was is told
by the root and by the identity, never by this name."""

DEFAULT_NAME = "default"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class LocalInstance:
    """An opened instance: its folder, its keys, and when it was created."""

    folder: Path
    authority: Authority
    log_key: ec.EllipticCurvePrivateKey
    created: datetime

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the root certificate, hex."""
        return self.authority.fingerprint

    @property
    def identity(self) -> str:
        """The URI its certificates carry: bound to the root, so no other instance can be meant."""
        return f"urn:theodore:local:{self.fingerprint}"

    @property
    def origin(self) -> str:
        """The log's name in checkpoints."""
        return f"log-{self.fingerprint[:16]}.theodore.invalid"

    @property
    def log(self) -> Log:
        """The transparency logs."""
        return Log(self.folder / "log.sqlite3")

    @property
    def trusted_root_path(self) -> Path:
        """The TrustedRoot JSON that verifiers read."""
        return self.folder / "trusted_root.json"

    def service(self) -> Service:
        """Return the instance's endpoints with a token mint of their own."""
        return Service(self.authority, self.log_key, self.log, self.origin, Mint(ISSUER))

    def trusted_root(self) -> dict[str, Any]:
        """Return the TrustedRoot document."""
        return documents.trusted_root(self.authority, self.log_key.public_key(), self.origin, self.created)

    def trust_config(self, url: str | None = None) -> dict[str, Any]:
        """Return the ClientTrustConfig for a service at ``url``; without one it is good for verifying only."""
        return documents.client_trust_config(self.trusted_root(), url or f"https://{self.origin}", self.created)


def instances_dir(home: Path | None = None) -> Path:
    """Return the folder of all instances under ``home`` (not created)."""
    return (home or home_dir()) / "instances"


def exists(name: str = DEFAULT_NAME, home: Path | None = None) -> bool:
    """Tell whether the instance has been created."""
    return (instances_dir(home) / _checked(name)).is_dir()


def open_or_create(name: str = DEFAULT_NAME, home: Path | None = None) -> LocalInstance:
    """Open the instance, creating it first if it is missing; safe when several processes do so at once."""
    folder = instances_dir(home) / _checked(name)
    if not folder.is_dir():
        private_dir(folder.parent)
        with FileLock(folder.parent / f".{name}.lock", mode=0o600):
            if not folder.is_dir():
                _create(folder)
    return open_instance(folder)


def open_instance(folder: Path) -> LocalInstance:
    """Open the instance in ``folder``; raises ConfigurationProblem if it is damaged or readable by others."""
    try:
        _refuse_exposed_keys(folder)
        described = json.loads((folder / "instance.json").read_bytes())
        if described["schema"] != _SCHEMA:
            raise ValueError(f"schema {described['schema']} is not known here")
        created = datetime.fromtimestamp(described["created"], UTC)
        root, intermediate = (_certificate(folder / f"{name}.pem") for name in ("root", "intermediate"))
        key, ct_key, log_key = (_key(folder / f"{name}.key") for name in ("intermediate", "ct", "log"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationProblem(
            f"the local signing instance in {folder} is damaged: {error}",
            help="restore the folder from a backup, or move it away and run: theodore-plugin trust init",
        ) from error
    return LocalInstance(folder, Authority(root, intermediate, key, ct_key), log_key, created)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigurationProblem(
            f"{name!r} is no instance name", help="use lower-case letters, digits and hyphens, 64 at most"
        )
    return name


def _create(folder: Path) -> None:
    # Killed creations leave a folder behind that nobody else can be using: the caller holds the lock.
    for left in folder.parent.glob(f".{folder.name}.new-*"):
        shutil.rmtree(left)
    building = folder.parent / f".{folder.name}.new-{secrets.token_hex(4)}"
    building.mkdir(mode=0o700)
    try:
        _write(building, datetime.now(UTC).replace(microsecond=0))
        building.rename(folder)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _write(folder: Path, now: datetime) -> None:
    authority = create_authority(now)
    instance = LocalInstance(folder, authority, ec.generate_private_key(ec.SECP256R1()), now)
    instance.log.create()
    files = {
        "instance.json": _json({"schema": _SCHEMA, "created": int(now.timestamp())}),
        "root.pem": authority.root.public_bytes(serialization.Encoding.PEM),
        "intermediate.pem": authority.intermediate.public_bytes(serialization.Encoding.PEM),
        "intermediate.key": _pem_key(authority.key),
        "ct.key": _pem_key(authority.ct_key),
        "log.key": _pem_key(instance.log_key),
        "trusted_root.json": _json(instance.trusted_root()),
        "trust_config.json": _json(instance.trust_config()),
    }
    for name, data in files.items():
        _write_private(folder / name, data)


def _write_private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        name_file(problem, path)
        raise


def _refuse_exposed_keys(folder: Path) -> None:
    for path in folder.glob("*.key"):
        if path.stat().st_mode & 0o077:
            raise PermissionError(f"{path.name} can be read by other users; chmod 600 it if nobody has copied it")


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path.name} holds no EC key")
    return key


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"
