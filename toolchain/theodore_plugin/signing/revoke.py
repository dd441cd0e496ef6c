"""Making a revoker's lists: the one before, changed, with the next sequence, signed.

A list that goes out is never taken back: every change is a new list with a higher sequence, so that hosts can tell the
newer one. What was revoked by mistake is marked as withdrawn and stays, with the reason.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from theodore_loader import strict_json
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import home_dir, private_dir
from theodore_loader.regular_file import read_beyond
from theodore_loader.trust.bundles import parse_bundle
from theodore_loader.trust.protected import file_state
from theodore_loader.trust.revocations import high_water
from theodore_loader.trust.revocations.document import (
    MAX_BYTES,
    MAX_ENTRIES,
    Document,
    Entry,
    ListInvalid,
    Withdrawn,
    read_statement,
    write_statement,
)
from theodore_loader.trust.revocations.kept import Place
from theodore_loader.trust.revocations.signed import MAX_BUNDLE, authenticate
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.trust_tables import REVOKER_ID
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.signing.instances import SigningInstance

_Form = TypeVar("_Form")
SUFFIX = ".sigstore.json"
Change = Callable[[Sequence[Entry]], Sequence[Entry]]
"""From the entries of the list before to those of the next one."""


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entries written by hand. Sequence and dates may be there, and are set when the list is signed."""

    schema: Literal[1]
    entries: Annotated[list[Entry], msgspec.Meta(max_length=MAX_ENTRIES)]
    sequence: int = 0
    issued: str = ""
    expires: str = ""


@dataclass(frozen=True, slots=True)
class SignedRevocations:
    """A list that was written, and whether the one before it could be held against the trust file."""

    path: Path
    revoker: str
    document: Document
    checked: bool


@dataclass(frozen=True, slots=True)
class Before:
    """The list a new one goes on from, and how its file was left; both ``None`` for the first of a revoker."""

    revoker: str
    document: Document | None
    checked: bool
    state: tuple[int, ...] | None = None


def read_draft(path: Path) -> Sequence[Entry]:
    """Read entries written by hand; raises ConfigurationProblem naming what is wrong with them."""
    try:
        return msgspec.convert(strict_json.loads(_read(path, MAX_BYTES), max_bytes=MAX_BYTES), Draft).entries
    except (strict_json.JsonError, msgspec.ValidationError, ValueError) as error:
        raise ConfigurationProblem(
            f"{path} holds no entries of a revocation list: {error}",
            help="the format: docs/guide/revocation.md, and `theodore-plugin schema revocations`",
        ) from None


def before(path: Path, revoker: str | None, trust: TrustFile) -> Before:
    """Read the signed list at ``path``; where there is none, ``revoker`` begins one.

    A list of a revoker of the trust file must be by its signer: what somebody else has put there is not signed again.
    """
    if not path.exists():
        if revoker is None:
            raise ConfigurationProblem(f"{path}: no such list", help="to begin one, say whose: --revoker ID")
        return Before(_id(revoker), None, checked=True)
    state, data = _state(path), _read(path, MAX_BUNDLE)
    named, document = _unverified(data, path)
    if revoker not in (None, named):
        raise ConfigurationProblem(f"{path} is the list of {named}, not of {revoker}", help="name another file")
    known = tuple(one for one in trust.revokers if one.id == named)
    if known:
        authenticate(data, known, trust.roots)
    return Before(_id(named), document, bool(known), state)


def sign_next(
    path: Path, last: Before, change: Change, instance: SigningInstance, *, days: int, after: int = 0
) -> SignedRevocations:
    """Sign what ``change`` makes of ``last`` and write it to ``path``, good for ``days`` days.

    The sequence is one more than that of ``last``, than any this machine has taken in of this revoker, and than
    ``after``. Raises ConfigurationProblem if somebody else has written ``path`` since ``last`` was read: two lists with
    one sequence would be refused by every host that has seen the other one.
    """
    entries = [*change(last.document.entries if last.document else ())]
    place = Place(home_dir(), last.revoker)
    private_dir(place.sequence.parent)
    with place.lock:
        if _state(path) != last.state:
            raise ConfigurationProblem(f"{path} was changed meanwhile", help="nothing was signed; run it again")
        now = datetime.now(UTC).replace(microsecond=0)
        document = Document(1, _next_sequence(last, place, after), now, entries, now + timedelta(days=days))
        payload = write_statement(last.revoker, document)
        _refuse_unreadable(payload)
        write_atomically(path, _signed(payload, instance))
    return SignedRevocations(path, last.revoker, document, last.checked)


def entry_of(named: Mapping[str, object], since: datetime | None, **said: str) -> Entry:
    """Build an entry from what it names and what it says; raises ConfigurationProblem naming what is wrong."""
    return _converted({**named, **said, **({} if since is None else {"from": since})}, Entry)


def adding(entry: Entry) -> Change:
    """Return the change that adds ``entry``; raises ConfigurationProblem where the very same one holds already."""

    def change(entries: Sequence[Entry]) -> Sequence[Entry]:
        if entry in entries:
            raise ConfigurationProblem("the list has this very entry already", help="nothing was signed")
        return [*entries, entry]

    return change


def withdrawing(named: Mapping[str, object], reason: str) -> Change:
    """Return the change that marks the entries that hold and name exactly this as withdrawn now."""
    withdrawn = _converted({"at": datetime.now(UTC).replace(microsecond=0), "reason": reason}, Withdrawn)

    def change(entries: Sequence[Entry]) -> Sequence[Entry]:
        meant = [entry for entry in entries if entry.withdrawn is None and _names(entry, named)]
        if not meant:
            raise ConfigurationProblem("no entry that holds names exactly this", help="nothing was signed")
        return [msgspec.structs.replace(entry, withdrawn=withdrawn) if entry in meant else entry for entry in entries]

    return change


def keeping() -> Change:
    """Return the change that is none: the list is only to be good for longer."""
    return lambda entries: entries


def replacing(entries: Sequence[Entry]) -> Change:
    """Return the change that puts ``entries`` in place of all there were."""
    return lambda _: entries


def _converted(value: Mapping[str, object], form: type[_Form]) -> _Form:
    try:
        return msgspec.convert(value, form)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigurationProblem(f"this cannot be listed: {error}", help="docs/guide/revocation.md") from None


def _names(entry: Entry, named: Mapping[str, object]) -> bool:
    return all(getattr(entry, field) == value for field, value in named.items())


def _next_sequence(last: Before, place: Place, after: int) -> int:
    highest = high_water.read(place.sequence)
    return 1 + max(after, last.document.sequence if last.document else 0, highest.sequence if highest else 0)


def _id(revoker: str) -> str:
    if not REVOKER_ID.fullmatch(revoker):
        raise ConfigurationProblem(
            f"{revoker[:80]!r} is no id of a revoker",
            help="use lower-case letters, digits, dots, hyphens; 64 at most",
        )
    return revoker


def _state(path: Path) -> tuple[int, ...] | None:
    return file_state(path.stat()) if path.exists() else None


def _signed(payload: bytes, instance: SigningInstance) -> bytes:
    from sigstore.dsse import Statement

    with instance.signer() as signer:
        return signer.sign_dsse(Statement(payload)).to_json().encode() + b"\n"


def _refuse_unreadable(payload: bytes) -> None:
    """Raise where hosts would refuse the list: nothing is signed that nobody can read."""
    try:
        read_statement(payload)
    except ListInvalid as error:
        raise ConfigurationProblem(f"no host would accept this list: {error}", help="nothing was signed") from None


def _unverified(data: bytes, path: Path) -> tuple[str, Document]:
    try:
        envelope = parse_bundle(data, MAX_BUNDLE).document["dsseEnvelope"]
        named, document, _ = read_statement(base64.b64decode(envelope["payload"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationProblem(f"{path} is no signed revocation list: {error}", help="name another file") from None
    return named, document


def _read(path: Path, limit: int) -> bytes:
    """Read at most one byte more than ``limit``: enough for the reader to see that it is too much."""
    if not path.is_file():
        raise ConfigurationProblem(f"{path}: no such file", help="name a file")
    return read_beyond(path, limit)
