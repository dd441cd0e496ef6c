"""Receipts: what was authenticated once need not be authenticated on every load.

A receipt keeps the *results of steps 3 and 4*, the ones that need sigstore: who signed the wheel, and which statements
are authentic; and what reading the wheel has shown, so that its files need to be hashed only. Everything that can
change with time or policy (the verdict's age, revocation, permissions) is judged anew on every load. A receipt counts
only if nothing it rests on has changed: the wheel's digest and name, the bytes of bundle and attestations, the roots
and rules of the trust file, and the versions of what verified them.

::

    <home>/receipts/<sha256>        the seal on the rest (:mod:`.seal`), newline, JSON

A receipt that is damaged, edited or from another home is no receipt, and the wheel is verified in full.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from theodore_loader import strict_json
from theodore_loader.artifact.lock import LockedPackage
from theodore_loader.artifact.wheel import KnownContents
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.trust.attestations import Attestation, read_attestation
from theodore_loader.trust.files import MAX_ATTESTATIONS, MAX_BUNDLE, SignedFiles
from theodore_loader.trust.protected import read_protected
from theodore_loader.trust.seal import Seal, versions
from theodore_loader.trust.signatures import Signer
from theodore_loader.trust.statements import Statement, StatementInvalid
from theodore_loader.trust.trust_file import Publisher, TrustFile
from theodore_loader.whole_file import replace_file

FORMAT = 6
"""Raised whenever steps 3 and 4, or the reading of wheels, change what they accept."""
_MAX_BYTES = MAX_BUNDLE * MAX_ATTESTATIONS


@dataclass(frozen=True, slots=True)
class Receipt:
    """Who signed, under which of the trust file's publisher rules, what they state, and when that was authenticated.

    ``locked`` are the dependencies the wheel is locked to: they are looked up in revocation lists on every load.
    """

    made: datetime
    publisher: Signer
    rule: Publisher
    attestations: tuple[Attestation, ...]
    contents: KnownContents
    locked: tuple[LockedPackage, ...] = ()


class _Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    signer: Signer
    rules: list[int]
    statement: Statement
    sha256: str


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rests_on: str
    made: datetime
    publisher: Signer
    rule: int
    attestations: list[_Stated]
    contents: KnownContents
    locked: tuple[LockedPackage, ...]


class Receipts:
    """The receipts of one state folder; safe for several processes, and never a reason to fail."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "receipts"
        self._seal = Seal(home)
        self._rules: tuple[TrustFile, str] | None = None

    def find(self, files: SignedFiles, sha256: str, trust: TrustFile) -> Receipt | None:
        """Return the receipt for exactly these files under exactly this trust, or ``None``."""
        with suppress(OSError, ConfigurationProblem, msgspec.DecodeError, StatementInvalid):
            stored = self._read(sha256)
            if stored is not None and stored.rests_on == self._rests_on(files, sha256, trust):
                rule = trust.publishers[stored.rule]
                stated = _attestations(stored.attestations, trust)
                return Receipt(stored.made, stored.publisher, rule, stated, stored.contents, stored.locked)
        return None

    def keep(self, receipt: Receipt, files: SignedFiles, sha256: str, trust: TrustFile) -> bool:
        """Write a receipt; tells whether it could be written."""
        stated = [_stated(attestation, trust) for attestation in receipt.attestations]
        rule = trust.publishers.index(receipt.rule)
        rests_on = self._rests_on(files, sha256, trust)
        stored = _Stored(rests_on, receipt.made, receipt.publisher, rule, stated, receipt.contents, receipt.locked)
        body = strict_json.canonical(msgspec.to_builtins(stored))
        with suppress(OSError, ConfigurationProblem):
            seal = self._seal.on(body)
            if seal is not None:
                replace_file(self._folder / sha256, seal + b"\n" + body)
                return True
        return False

    def _read(self, sha256: str) -> _Stored | None:
        seal, _, body = read_protected(f"{self._folder}/{sha256}", _MAX_BYTES).partition(b"\n")
        # what fits is what was written here, so it need not be read as if it were a stranger's
        return msgspec.json.decode(body, type=_Stored) if self._seal.fits(seal, body) else None

    def _rests_on(self, files: SignedFiles, sha256: str, trust: TrustFile) -> str:
        """Return the digest of everything that steps 3 and 4 depend on."""
        if self._rules is None or self._rules[0] is not trust:
            self._rules = trust, _rules(trust)
        beside = [_digest(files.bundle), _digest(files.attestations)]
        return _digest_of([FORMAT, files.filename, sha256, beside, self._rules[1]])


def _rules(trust: TrustFile) -> str:
    """Return the digest of what is the same for all wheels: versions, roots, publishers, verifiers."""
    parts = {
        "versions": versions(),
        "roots": {root.id: _digest(root.document) for root in trust.roots.values()},
        # not the lines: a comment in the trust file changes nothing
        "publishers": [[rule.plugins, msgspec.to_builtins(rule.signer), rule.registry] for rule in trust.publishers],
        "verifiers": [
            [rule.id, msgspec.to_builtins(rule.signer), sorted(rule.policies), rule.max_age_days]
            for rule in trust.verifiers
        ],
    }
    return _digest_of(parts)


def _digest_of(value: Any) -> str:
    return hashlib.sha256(strict_json.canonical(value)).hexdigest()


def _attestations(stated: Sequence[_Stated], trust: TrustFile) -> tuple[Attestation, ...]:
    return tuple(
        read_attestation(one.signer, tuple(trust.verifiers[index] for index in one.rules), one.statement, one.sha256)
        for one in stated
    )


def _stated(attestation: Attestation, trust: TrustFile) -> _Stated:
    indexes = [trust.verifiers.index(rule) for rule in attestation.rules]
    return _Stated(attestation.signer, indexes, attestation.statement, attestation.sha256)


def _digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()
