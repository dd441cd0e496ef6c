"""Revocations this host knows of: by exact digest, or by signer from a moment on; never by name.

The list is a file beside the trust file, written by the host's owner::

    { "schema": 1, "sequence": 3, "issued": "2026-11-01T00:00:00Z", "entries": [
        { "sha256": "…", "action": "block-load", "reason": "…", "url": "https://…" },
        { "root": "acme", "issuer": "https://…", "identity": "…", "from": "2026-10-01T00:00:00Z",
          "action": "block-load", "reason": "…", "url": "https://…" } ] }

``block-load`` and ``block-install`` refuse, ``warn`` is said and no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from theodore_loader import strict_json
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.trust.protected import read_protected
from theodore_loader.trust.signatures import Signer

FILE_NAME = "revocations.json"
MAX_BYTES = 16 << 20
_SCHEMA = 1


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: Literal["block-load", "block-install", "warn"]
    reason: str
    url: str
    sha256: str | None = None
    root: str | None = None
    issuer: str | None = None
    identity: str | None = None
    since: datetime | None = msgspec.field(name="from", default=None)

    def __post_init__(self) -> None:
        signer = (self.root, self.issuer, self.identity, self.since)
        if (self.sha256 is None) == (signer == (None,) * 4) or (self.sha256 is None and None in signer):
            raise ValueError("an entry names either a sha256, or root, issuer, identity and from")

    def covers(self, sha256: str, signers: Iterable[Signer]) -> bool:
        """Tell whether the entry is about this artifact."""
        return self.sha256 == sha256 or any(self._covers_signer(signer) for signer in signers)

    def _covers_signer(self, signer: Signer) -> bool:
        named = (signer.root, signer.issuer, signer.identity) == (self.root, self.issuer, self.identity)
        # a signature of unknown age may be younger than the revocation
        return named and (signer.signed_at is None or self.since is None or signer.signed_at >= self.since)


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: Literal[1]
    sequence: int
    issued: datetime
    entries: list[_Entry]


@dataclass(frozen=True, slots=True)
class Revocations:
    """The list of this host; ``document`` is ``None`` where there is no list."""

    path: Path
    document: _Document | None

    @classmethod
    def beside(cls, trust_file: Path) -> Revocations:
        """Read the list that belongs to a trust file; a damaged one raises ConfigurationProblem."""
        path = trust_file.with_name(FILE_NAME)
        try:
            data = read_protected(path, MAX_BYTES)
        except FileNotFoundError:
            return cls(path, None)
        return cls(path, _parse(data, path))

    def refuse_stale(self, max_age_days: int | None, now: datetime) -> None:
        """Raise ``revocation-list-stale`` if the trust file bounds the list's age and it is older, or missing."""
        if max_age_days is None:
            return
        if self.document is None or now - self.document.issued > timedelta(days=max_age_days):
            age = "missing" if self.document is None else f"of {self.document.issued:%Y-%m-%d}"
            raise Refused(
                "revocation-list-stale",
                f"the revocation list is {age}; the trust file allows {max_age_days} days",
                help=f"put the current list at {self.path}",
            )

    def check(self, sha256: str, signers: Iterable[Signer]) -> str:
        """Raise ``revoked`` if an entry blocks this artifact; return what there is to say otherwise."""
        if self.document is None:
            return "no revocation list on this host: none known"
        known = tuple(signers)
        hits = [entry for entry in self.document.entries if entry.covers(sha256, known)]
        for entry in hits:
            if entry.action != "warn":
                raise Refused(
                    "revoked", f"revoked: {entry.reason} ({entry.url})", help="use another version, see the address"
                )
        warned = "".join(f"; warning: {entry.reason} ({entry.url})" for entry in hits)
        return f"not among {len(self.document.entries)} revocations (list {self.document.sequence}){warned}"


def _parse(data: bytes, path: Path) -> _Document:
    try:
        document = msgspec.convert(strict_json.loads(data, max_bytes=MAX_BYTES), _Document)
        stamps = [document.issued, *(entry.since for entry in document.entries if entry.since)]
        if any(stamp.tzinfo is None for stamp in stamps):
            raise ValueError("a time without time zone")
    except (strict_json.JsonError, msgspec.ValidationError, ValueError) as error:
        raise ConfigurationProblem(
            f"the revocation list {path} is damaged: {error}", help="restore it; while it is damaged nothing is trusted"
        ) from None
    return document
