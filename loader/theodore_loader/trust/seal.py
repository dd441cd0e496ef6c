"""Seals: what this host authenticated once, and kept, is believed again only if nobody else wrote it.

::

    <home>/receipts/secret          32 random bytes, 0600

A sealed text begins with its HMAC-SHA256 under the secret, in hex, and a newline. One that is damaged, edited or from
another home is none. Whoever can read the secret can forge seals, but could as well rewrite the trust file: both are
protected alike.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from theodore_loader.paths import private_dir
from theodore_loader.trust.protected import file_state, read_protected
from theodore_loader.whole_file import create_file

_BYTES = 32


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of what authenticates signatures: with another one, nothing that was kept counts."""
    return {name: _version(name) for name in ("theodore-plugin", "sigstore", "cryptography")}


class Seal:
    """The seal of one state folder; safe for several processes."""

    def __init__(self, home: Path) -> None:
        self._path = home / "receipts" / "secret"
        self._text = str(self._path)
        self._known: tuple[tuple[int, ...], bytes] | None = None

    def on(self, body: bytes) -> bytes | None:
        """Return the seal for ``body``, made with a new secret where there is none; ``None`` if others can read it."""
        if not self._path.exists():
            private_dir(self._path.parent)
            create_file(self._path, secrets.token_bytes(_BYTES))  # if another process was first, its secret stays
        secret = self._secret()
        return None if secret is None else _mac(secret, body)

    def fits(self, seal: bytes, body: bytes) -> bool:
        """Tell whether ``seal`` is the one on ``body``."""
        secret = self._secret()
        return secret is not None and hmac.compare_digest(seal, _mac(secret, body))

    def _secret(self) -> bytes | None:
        with suppress(FileNotFoundError):
            status = os.stat(self._text)  # noqa: PTH116 - asked for every plugin
            if status.st_mode & 0o077:
                return None
            if self._known is None or self._known[0] != file_state(status):
                self._known = file_state(status), read_protected(self._path, _BYTES)
            return self._known[1] if len(self._known[1]) == _BYTES else None
        return None


def _version(name: str) -> str:
    # `importlib.metadata.version` has the email package parse all of it, which takes longer than a decision may
    lines = (distribution(name).read_text("METADATA") or "").splitlines()
    return next((line for line in lines if line.startswith("Version: ")), "Version: unknown")


def _mac(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, body, "sha256").hex().encode()
