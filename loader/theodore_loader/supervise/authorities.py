"""Certificate authorities of the operator's own, for all plugins: one file that every worker can read.

Clients look for authorities in different places. The file holds the system's and the operator's together, and the
variables that OpenSSL (ssl, urllib, aiohttp, httpx) and requests follow name it.
"""

from __future__ import annotations

import hashlib
import os
import ssl
from dataclasses import replace
from pathlib import Path

import msgspec

from theodore_loader.broker.tls import system_bundle
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import private_dir
from theodore_loader.whole_file import replace_file
from theodore_loader.worker.setup import Setup
from theodore_sdk.info import PermissionType

VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def bundle_with(authorities: Path, home: Path) -> Path:
    """Return a file with the system's authorities and those in ``authorities``, made on first use.

    Raises:
        ConfigurationProblem: ``authorities`` cannot be read, or holds no certificate in PEM form.

    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=authorities)
        content = Path(system_bundle()).read_bytes() + b"\n" + authorities.read_bytes()
    except OSError as problem:  # ssl.SSLError is one
        raise ConfigurationProblem(
            f"{authorities}: no certificates can be read: {problem}",
            help="give a file of certificates in PEM form, each from BEGIN CERTIFICATE to END CERTIFICATE",
        ) from None
    target = private_dir(home / "authorities") / f"{hashlib.sha256(content).hexdigest()}.pem"
    if not target.exists():
        replace_file(target, content)
    return target


def with_authorities(setup: Setup, bundle: Path | None) -> Setup:
    """Return ``setup`` with the right to read ``bundle`` and the variables that name it.

    A variable the plugin was granted by itself keeps the value it has.
    """
    if bundle is None:
        return setup
    path = os.path.realpath(bundle)
    return msgspec.structs.replace(
        setup,
        grants=(*setup.grants, (PermissionType.FILE_SYSTEM.value, f"r:{path}")),
        environment={**dict.fromkeys(VARIABLES, path), **setup.environment},
        profile=replace(setup.profile, read=(*setup.profile.read, path)),
    )
