"""The format of a revocation list. The same types write and read it, and reading is strict.

::

    { "schema": 1, "sequence": 3, "issued": "2026-11-01T00:00:00Z", "expires": "2026-12-01T00:00:00Z", "entries": [
        { "sha256": "…", "action": "block-load", "reason": "steals tokens", "url": "https://…" },
        { "root": "…", "issuer": "https://…", "identity": "…", "from": "2026-10-01T00:00:00Z",
          "action": "block-load", "reason": "stolen key", "url": "https://…" },
        { "registry": "acme", "plugin": "acme-hello", "versions": "<1.2.3", "action": "yank",
          "reason": "loses pages", "url": "https://…",
          "withdrawn": { "at": "2026-10-20T00:00:00Z", "reason": "it was the server" } } ] }

``block-load`` refuses wherever the wheel is. ``block-install`` and ``yank`` refuse to install it and are said where it
is installed already; the owner of a host can lift a yank, and nothing else, for one installation. ``warn`` is said.
An entry that was withdrawn stays, decides nothing, and tells why.

A signed list is an in-toto statement about the file ``<revoker>.revocations.json``, whose content is the predicate in
its canonical spelling, so that the predicate's digest names the list. ``policies/schemas/revocations.schema.json``
describes it for others.
"""

from __future__ import annotations

import hashlib
import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from theodore_loader import strict_json
from theodore_loader.trust.statements import STATEMENT_TYPE, DigestSet, Statement, Subject

PREDICATE_TYPE = "urn:theodore:revocations:1"
MAX_BYTES = 32 << 20
"""Largest list, and largest statement that carries one. 100,000 entries take some 20 MB."""
MAX_ENTRIES = 250_000
_SUFFIX = ".revocations.json"
_MAX_SEQUENCE = 2**53
_SHA256 = "^[0-9a-f]{64}$"

Action = Literal["block-load", "block-install", "yank", "warn"]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
_Address = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s]+$", max_length=500)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Digest = Annotated[str, msgspec.Meta(pattern=_SHA256)]
_ORDER: Mapping[str, Callable[[Version, Version], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class ListInvalid(ValueError):
    """What was read is no revocation list; the message says why."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Immutable, and nothing but what is declared."""


class Withdrawn(_Strict, frozen=True):
    """When an entry was undone, and why."""

    at: _Moment
    reason: _Text


class Entry(_Strict, frozen=True):
    """One revocation: of an artifact, of a signer from a moment on, or of versions that a registry offers.

    ``root`` is the SHA-256 of one of the root's authorities' certificates, or of the trusted root file; in the owner's
    own list also the root's id in the trust file. ``identity`` is exact or an anchored glob, as in a trust file.
    """

    action: Action
    reason: _Text
    url: _Address
    sha256: _Digest | None = None
    root: _Text | None = None
    issuer: _Text | None = None
    identity: _Text | None = None
    since: _Moment | None = msgspec.field(name="from", default=None)
    registry: _Text | None = None
    plugin: _Text | None = None
    versions: _Text | None = None
    withdrawn: Withdrawn | None = None

    def __post_init__(self) -> None:
        artifact = (self.sha256,)
        signer = (self.root, self.issuer, self.identity, self.since)
        offered = (self.registry, self.plugin, self.versions)
        given = [key for key in (artifact, signer, offered) if key != (None,) * len(key)]
        if len(given) != 1 or None in given[0]:
            raise ValueError(
                "an entry names a sha256, or root, issuer, identity and from, or registry, plugin and versions"
            )
        if not all(text.isprintable() for text in (self.reason, self.url, *map(str, given[0]))):
            raise ValueError("an entry holds characters that cannot be shown")
        if self.identity is not None and not self.identity.strip("*"):
            raise ValueError("an identity of stars is everybody; remove the root instead")
        if self.plugin is not None and canonicalize_name(self.plugin) != self.plugin:
            raise ValueError(f"{self.plugin[:80]!r} is not a normalised plugin name")
        if self.versions is not None:
            _bounds(self.versions)

    def covers_version(self, version: str) -> bool:
        """Tell whether ``version`` lies in the entry's range. Versions are ordered plainly: 2.0rc1 is below 2.0."""
        whole = Version(version)
        public = Version(whole.public)
        # a bound without a local part means every build of that version, one with it means that build
        return all(compare(whole if bound.local else public, bound) for compare, bound in _bounds(self.versions or ""))


class Document(_Strict, frozen=True):
    """A list; ``expires`` is when the next one is there at the latest, and missing only in an owner's own list."""

    schema: Literal[1]
    sequence: Annotated[int, msgspec.Meta(ge=0, le=_MAX_SEQUENCE)]
    issued: _Moment
    entries: Annotated[list[Entry], msgspec.Meta(max_length=MAX_ENTRIES)]
    expires: _Moment | None = None


def read_document(data: bytes) -> Document:
    """Read a list from bytes; raises :class:`ListInvalid`."""
    try:
        return _document(strict_json.loads(data, max_bytes=MAX_BYTES))
    except strict_json.JsonError as error:
        raise ListInvalid(str(error)) from None


def write_statement(revoker: str, document: Document) -> bytes:
    """Return the statement that carries ``document`` as the list of ``revoker``."""
    predicate = msgspec.to_builtins(document)
    subject = [Subject(revoker + _SUFFIX, DigestSet(_digest(predicate)))]
    return strict_json.canonical(msgspec.to_builtins(Statement(STATEMENT_TYPE, subject, PREDICATE_TYPE, predicate)))


def read_statement(payload: bytes) -> tuple[str, Document, str]:
    """Return whose list a statement carries, the list, and its digest; raises :class:`ListInvalid`."""
    try:
        statement = msgspec.convert(strict_json.loads(payload, max_bytes=MAX_BYTES), Statement)
    except (strict_json.JsonError, msgspec.ValidationError) as error:
        raise ListInvalid(str(error)) from None
    if statement.type != STATEMENT_TYPE or statement.predicate_type != PREDICATE_TYPE:
        raise ListInvalid(f"a statement of type {statement.predicate_type[:120]!r}, not {PREDICATE_TYPE}")
    sha256 = _digest(statement.predicate)
    if len(statement.subject) != 1 or statement.subject[0].digest.sha256 != sha256:
        raise ListInvalid("its subject is not the list it carries")
    document = _document(statement.predicate)
    if document.expires is None or document.sequence < 1 or document.expires <= document.issued:
        raise ListInvalid("a signed list has a sequence from 1 on, and expires after it was issued")
    revoker = statement.subject[0].name.removesuffix(_SUFFIX)
    _refuse_foreign(revoker, document)
    return revoker, document, sha256


def _refuse_foreign(revoker: str, document: Document) -> None:
    """Raise unless the list speaks in nobody else's name: of its own registry alone, and of roots by their digests."""
    for entry in document.entries:
        if entry.registry not in (None, revoker):
            raise ListInvalid(f"it revokes versions of registry {entry.registry!r}, which is another's")
        if entry.root is not None and not re.fullmatch(_SHA256, entry.root):
            raise ListInvalid(f"it names root {entry.root[:80]!r}: ids differ from host to host, digests do not")


def _document(value: Any) -> Document:
    try:
        return msgspec.convert(value, Document)
    except (msgspec.ValidationError, ValueError) as error:
        raise ListInvalid(str(error)) from None


def _bounds(versions: str) -> list[tuple[Callable[[Version, Version], bool], Version]]:
    """Parse a range: PEP 440's comparisons, joined by commas, without wildcards; raises ValueError."""
    try:
        bounds = [(_ORDER[one.operator], Version(one.version)) for one in SpecifierSet(versions)]
    except (InvalidSpecifier, InvalidVersion, KeyError):
        bounds = []
    if not bounds:
        raise ValueError(f"{versions[:80]!r} is no range of versions such as >=1.0,<1.2.3")
    return bounds


def _digest(predicate: Any) -> str:
    return hashlib.sha256(strict_json.canonical(predicate)).hexdigest()
