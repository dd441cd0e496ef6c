"""Whom is believed to vouch for servers: the system's authorities, and those the operator adds."""

from __future__ import annotations

import errno
import ssl
from functools import lru_cache
from pathlib import Path

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep all authorities in one file."""


@lru_cache(maxsize=8)
def client_context(authorities: Path | None) -> ssl.SSLContext:
    """Return the context of all fetches: certificate and name are checked, TLS 1.2 or later.

    ``authorities`` is a file of all to believe; without one, those of the system.

    Raises:
        OSError: the file cannot be read, or holds no certificate.

    """
    context = ssl.create_default_context(cafile=authorities or system_bundle())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def system_bundle() -> str:
    """Return the file with the system's authorities, or certifi's, which comes with the clients of sigstore.

    Raises:
        FileNotFoundError: there is neither.

    """
    own = ssl.get_default_verify_paths().cafile
    found = next((path for path in (own, *BUNDLES) if path and Path(path).is_file()), None)
    if found is not None:
        return found
    try:
        import certifi
    except ImportError:
        raise FileNotFoundError(errno.ENOENT, "no certificate authorities on this machine", BUNDLES[0]) from None
    return certifi.where()
