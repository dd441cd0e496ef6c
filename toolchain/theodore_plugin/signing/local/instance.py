"""A local instance on disk: one folder of keys, certificates and the log, created in one rename.

::

    <home>/instances/<name>/        0700
        instance.json               schema, time of creation, version of Rekor entries it makes
        root.pem intermediate.pem   the chain; the root's private key was never written
        timestamp.pem               the timestamp authority's certificate, issued by the same root
        intermediate.key ct.key log.key log2.key timestamp.key      0600
        log.sqlite3                 the transparency logs, 0600
        ct.checkpoints rekor.checkpoints rekor2.checkpoints         every checkpoint they ever issued, 0600
        trusted_root.json           what verifiers need, for any sigstore tool
        trust_config.json           the same inside a ClientTrustConfig, for ``sigstore --trust-config``
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import home_dir
from theodore_loader.regular_file import read_regular
from theodore_loader.whole_file import flush_folder, replace_file, write_new
from theodore_plugin.signing.local import documents, rotation
from theodore_plugin.signing.local.authority import Authority, create_authority
from theodore_plugin.signing.local.documents import RekorVersion, Trees
from theodore_plugin.signing.local.keyfiles import (
    pem_certificate,
    pem_key,
    read_certificate,
    read_ec_key,
    read_ed25519_key,
    refuse_exposed,
)
from theodore_plugin.signing.local.log import Log, Tree
from theodore_plugin.signing.local.service import Service
from theodore_plugin.signing.local.timestamps import TimestampAuthority
from theodore_plugin.signing.local.tokens import Mint
from theodore_plugin.signing.local.trees import SignedTree

ISSUER = "https://local.theodore.invalid"
"""The OIDC issuer every local certificate names. ``.invalid`` never resolves (RFC 6761): which instance it was is told
by the root and by the identity, never by this name."""

DEFAULT_NAME = "default"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SCHEMA = 2
_MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of the signature logs: ECDSA for Rekor v1, Ed25519 for Rekor v2."""

    rekor: ec.EllipticCurvePrivateKey
    rekor2: ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class LocalInstance:
    """An opened instance: its folder, its keys, when it was created, and which Rekor entries it makes."""

    folder: Path
    authority: Authority
    log_keys: LogKeys
    created: datetime
    rekor: RekorVersion = 1

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the root certificate, hex."""
        return self.authority.fingerprint

    @property
    def identity(self) -> str:
        """The URI its certificates carry: bound to the root, so no other instance can be meant."""
        return f"urn:theodore:local:{self.fingerprint}"

    @property
    def log(self) -> Log:
        """The transparency logs."""
        name = f"{self.fingerprint[:16]}.theodore.invalid"
        origins: dict[Tree, str] = {"rekor": f"log-{name}", "rekor2": f"log2-{name}", "ct": f"ct-{name}"}
        return Log(self.folder / "log.sqlite3", origins)

    @property
    def trees(self) -> Trees:
        """The logs with their names and keys. No two share either."""
        log = self.log
        return Trees(
            SignedTree(log, "rekor", self.log_keys.rekor),
            SignedTree(log, "rekor2", self.log_keys.rekor2),
            SignedTree(log, "ct", self.authority.ct_key),
        )

    @property
    def trusted_root_path(self) -> Path:
        """The TrustedRoot JSON that verifiers read."""
        return self.folder / "trusted_root.json"

    def service(self) -> Service:
        """Return the instance's endpoints with a token mint of their own."""
        trees = self.trees
        return Service(self.authority, trees.rekor, trees.rekor2, trees.ct, Mint(ISSUER))

    def trusted_root(self) -> dict[str, Any]:
        """Return the TrustedRoot document."""
        return documents.trusted_root(self.authority, self.trees, self.created)

    def trust_config(self, url: str | None = None, rekor: RekorVersion | None = None) -> dict[str, Any]:
        """Return the ClientTrustConfig for a service at ``url``; without one it is good for verifying only.

        ``rekor`` is the version of the entries that signing with it makes, by default the instance's own choice.
        """
        place = url or f"https://{self.trees.rekor.origin}"
        return documents.client_trust_config(self.trusted_root(), place, self.created, rekor or self.rekor)


def instances_dir(home: Path | None = None) -> Path:
    """Return the folder of all instances under ``home`` (not created)."""
    return (home or home_dir()) / "instances"


def exists(name: str = DEFAULT_NAME, home: Path | None = None) -> bool:
    """Tell whether the instance has been created."""
    folder = instance_dir(name, home)
    return folder.is_dir() or rotation.unfinished(folder)


def instance_dir(name: str = DEFAULT_NAME, home: Path | None = None) -> Path:
    """Return the folder of one instance; raises ConfigurationProblem for a name that is none."""
    if not _NAME.fullmatch(name):
        raise ConfigurationProblem(
            f"{name!r} is no instance name", help="use lower-case letters, digits and hyphens, 64 at most"
        )
    return instances_dir(home) / name


def open_or_create(
    name: str = DEFAULT_NAME, home: Path | None = None, rekor: RekorVersion | None = None
) -> LocalInstance:
    """Open the instance, creating it first if it is missing; safe when several processes do so at once.

    ``rekor`` decides, from now on, which entries it makes; without it a new instance makes those of version 1.
    """
    folder = instance_dir(name, home)
    if not folder.is_dir() or rotation.unfinished(folder):
        with rotation.changing(folder):
            rotation.finish(folder)
            if not folder.is_dir():
                build(folder, rekor or 1).rename(folder)
    instance = open_instance(folder)
    return instance if rekor in (None, instance.rekor) else _switched(instance, rekor)


def open_instance(folder: Path) -> LocalInstance:
    """Open the instance in ``folder``; raises ConfigurationProblem if it is damaged or readable by others."""
    try:
        refuse_exposed(folder)
        described = json.loads(read_regular(folder / "instance.json", _MAX_BYTES))
        if described["schema"] != _SCHEMA:
            raise ConfigurationProblem(
                f"the local signing instance in {folder} is of another version of this tool "
                f"(schema {described['schema']}, {_SCHEMA} is known here)",
                help="replace it; what it signed counts for 90 days more: theodore-plugin trust rotate",
            )
        if described["rekor"] not in get_args(RekorVersion):
            raise ValueError(f"Rekor entries of version {described['rekor']} are not known here")
        keys = LogKeys(read_ec_key(folder / "log.key"), read_ed25519_key(folder / "log2.key"))
        created = datetime.fromtimestamp(described["created"], UTC)
        return LocalInstance(folder, _authority(folder), keys, created, described["rekor"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationProblem(
            f"the local signing instance in {folder} is damaged: {error}",
            help="restore the folder from a backup, or replace it: theodore-plugin trust rotate",
        ) from error


def build(folder: Path, rekor: RekorVersion) -> Path:
    """Build a new instance beside ``folder``, whole, and return where; the caller holds the lock and renames it."""
    # Killed creations leave a folder behind that nobody else can be using.
    for left in folder.parent.glob(f".{folder.name}.new-*"):
        shutil.rmtree(left)
    building = folder.with_name(f".{folder.name}.new-{secrets.token_hex(4)}")
    building.mkdir(mode=0o700)
    try:
        _write(building, datetime.now(UTC).replace(microsecond=0), rekor)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return building


def _write(folder: Path, now: datetime, rekor: RekorVersion) -> None:
    authority = create_authority(now)
    keys = LogKeys(ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate())
    instance = LocalInstance(folder, authority, keys, now, rekor)
    instance.log.create()
    files = {
        "instance.json": _described(instance),
        "root.pem": pem_certificate(authority.root),
        "intermediate.pem": pem_certificate(authority.intermediate),
        "timestamp.pem": pem_certificate(authority.stamper.certificate),
        "intermediate.key": pem_key(authority.key),
        "ct.key": pem_key(authority.ct_key),
        "log.key": pem_key(keys.rekor),
        "log2.key": pem_key(keys.rekor2),
        "timestamp.key": pem_key(authority.stamper.key),
        "trusted_root.json": _json(instance.trusted_root()),
        "trust_config.json": _json(instance.trust_config()),
    }
    for name, data in files.items():
        write_new(folder / name, data)
    flush_folder(folder)


def _switched(instance: LocalInstance, rekor: RekorVersion) -> LocalInstance:
    changed = replace(instance, rekor=rekor)
    replace_file(instance.folder / "trust_config.json", _json(changed.trust_config()))
    replace_file(instance.folder / "instance.json", _described(changed))
    return changed


def _authority(folder: Path) -> Authority:
    root, intermediate, stamping = (
        read_certificate(folder / f"{name}.pem") for name in ("root", "intermediate", "timestamp")
    )
    key, ct_key, stamping_key = (read_ec_key(folder / f"{name}.key") for name in ("intermediate", "ct", "timestamp"))
    return Authority(root, intermediate, key, ct_key, TimestampAuthority(stamping, root, stamping_key))


def _described(instance: LocalInstance) -> bytes:
    return _json({"schema": _SCHEMA, "created": int(instance.created.timestamp()), "rekor": instance.rekor})


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"
