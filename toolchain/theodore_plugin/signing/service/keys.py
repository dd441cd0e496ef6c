"""The public keys of one issuer (JWKS, RFC 7517): fetched, bounded, kept, and fetched again when a new key appears.

An unknown key id makes the set be fetched again, but not more often than every :data:`REFETCH_SECONDS`: otherwise every
forged token would send a request to the issuer. A set that cannot be fetched leaves the old one in place.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.trust.protected import read_protected
from theodore_plugin.signing.fetch import FetchError, fetch, is_secure
from theodore_plugin.signing.service.issuer_table import DISCOVERY

if TYPE_CHECKING:
    from jwt import PyJWK

MAX_BYTES = 1 << 18
MAX_KEYS = 100
FETCH_SECONDS = 5.0
REFETCH_SECONDS = 30.0
MAX_AGE_SECONDS = 3600.0
"""After this long a set is fetched again, so that a withdrawn key ends."""
MAX_STALE_SECONDS = 24 * 3600.0
"""A set this old is not used any more when its issuer cannot be reached."""
_RSA_BITS = range(2048, 8193)


class KeysError(Exception):
    """The issuer's keys cannot be had, or there is no such key."""


@dataclass(slots=True)
class Keys:
    """The keys of ``issuer``, from ``source``: discovery, a URL or a file."""

    issuer: str
    source: str | Path
    clock: Callable[[], float] = time.monotonic
    _keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _fetched: float | None = None
    _tried: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _fetching: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(2), repr=False)
    """Few wait for a fetch under way, or a slow issuer would hold every thread."""

    def find(self, key_id: str, algorithm: str) -> PyJWK:
        """Return the key of this id for this algorithm; raises :class:`KeysError`."""
        self._refresh(key_id)
        found = self._keys.get(key_id)
        if found is None:
            raise KeysError(f"the issuer has no key {key_id[:64]!r}")
        return _usable(found, algorithm)

    def fetch(self) -> int:
        """Fetch the set now and return how many keys it has; raises :class:`KeysError`."""
        with self._fetching:
            self._tried = self.clock()
            self._keys = _parsed(self._read())
            self._fetched = self._tried
            return len(self._keys)

    def _refresh(self, key_id: str) -> None:
        try:
            if not self._fresh(key_id):
                self._fetch_or_wait()
        except KeysError:
            if self._fetched is None:
                raise
        if self._fetched is None:
            raise KeysError("the issuer's keys have not been had yet; try again in half a minute")
        if self.clock() - self._fetched > MAX_STALE_SECONDS:
            raise KeysError("the issuer's keys are too old to be used, and could not be fetched again")

    def _fetch_or_wait(self) -> None:
        if self._may_try():
            self.fetch()
        elif self._waiting.acquire(blocking=False):
            try:
                with self._fetching:
                    pass
            finally:
                self._waiting.release()

    def _fresh(self, key_id: str) -> bool:
        return self._fetched is not None and key_id in self._keys and self.clock() - self._fetched < MAX_AGE_SECONDS

    def _may_try(self) -> bool:
        with self._lock:
            if self._tried is not None and self.clock() - self._tried < REFETCH_SECONDS:
                return False
            self._tried = self.clock()
            return True

    def _read(self) -> bytes:
        try:
            if isinstance(self.source, Path):
                return read_protected(self.source, MAX_BYTES)
            url = self._discovered() if self.source == DISCOVERY else self.source
            return fetch(url, MAX_BYTES, FETCH_SECONDS)
        except (FetchError, OSError, ConfigurationProblem) as error:
            raise KeysError(f"the issuer's keys cannot be had: {error}") from error

    def _discovered(self) -> str:
        """Return ``jwks_uri`` (OpenID Connect Discovery 1.0, section 4)."""
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        document = _json(fetch(url, MAX_BYTES, FETCH_SECONDS), url)
        if document.get("issuer") != self.issuer:
            raise KeysError(f"{url} speaks for another issuer: {str(document.get('issuer'))[:200]!r}")
        found = document.get("jwks_uri")
        if not isinstance(found, str) or not is_secure(found):
            raise KeysError(f"{url} names no https jwks_uri")
        return found


def _parsed(data: bytes) -> dict[str, Mapping[str, Any]]:
    entries = _json(data, "the key set").get("keys")
    if len(data) > MAX_BYTES or not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise KeysError(f"the key set is none, or has more than {MAX_KEYS} keys")
    keys: dict[str, Mapping[str, Any]] = {}
    twice: set[str] = set()
    for entry in entries:
        key_id = entry.get("kid") if isinstance(entry, dict) else None
        # a key without an id cannot be asked for; the rest of the set is none the worse for it
        if isinstance(key_id, str) and key_id:
            (twice.add(key_id) if key_id in keys else keys.update({key_id: entry}))
    return {key_id: entry for key_id, entry in keys.items() if key_id not in twice}


def _json(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise KeysError(f"{what} is not JSON") from error
    if not isinstance(value, dict):
        raise KeysError(f"{what} is not a JSON object")
    return value


_FAMILY = {"RS": ("RSA", None), "PS": ("RSA", None), "ES": ("EC", None), "Ed": ("OKP", "Ed25519")}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def _usable(entry: Mapping[str, Any], algorithm: str) -> PyJWK:
    """Return the key if it was published for signatures of just this kind; raises :class:`KeysError`."""
    from jwt import PyJWK, PyJWTError

    kind, curve = _FAMILY[algorithm[:2]]
    if entry.get("kty") != kind or entry.get("crv") != _CURVES.get(algorithm, curve):
        raise KeysError(f"the key is none for {algorithm}")
    if entry.get("use", "sig") != "sig" or entry.get("alg", algorithm) != algorithm:
        raise KeysError(f"the key was published for something else than {algorithm} signatures")
    try:
        key = PyJWK(dict(entry), algorithm)
    except (PyJWTError, ValueError, TypeError) as error:
        raise KeysError("the issuer publishes a key that is none") from error
    if kind == "RSA" and key.key.key_size not in _RSA_BITS:
        raise KeysError(f"the issuer's key has {key.key.key_size} bits; {_RSA_BITS[0]} to {_RSA_BITS[-1]} are used")
    return key
