"""One decision, and the line it is written as."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

RecordedPurpose = Literal["install", "load", "reload", "verify", "upgrade", "revocations"]
Outcome = Literal["accepted", "refused"]
GENESIS = "0" * 64
"""What the very first entry has in place of a digest."""
MAX_TEXT = 2_000
"""Longest text kept, in characters: much of it was written by strangers."""
_MAX_ITEMS = 64


class Step(msgspec.Struct, frozen=True):
    """One numbered step that was passed: what it established, and the ``file:line`` that decided, where one did."""

    number: int
    title: str
    detail: str
    where: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided about a plugin, or, for ``revocations``, about a list.

    ``rule`` is the slug that refused; a refusal without one is a host that could not decide (a damaged trust file).
    ``stopped_at`` is the number of the step that refused. ``rests_on`` maps what was believed to its SHA-256.
    """

    purpose: RecordedPurpose
    outcome: Outcome
    message: str
    plugin: str | None = None
    version: str | None = None
    sha256: str | None = None
    rule: str | None = None
    help: str | None = None
    stopped_at: int | None = None
    steps: tuple[Step, ...] = ()
    rests_on: Mapping[str, str] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A decision in its place in the chain. What a later version adds is left aside; the chain is over bytes.

    ``process`` is who wrote it. ``torn`` is how many bytes of an unfinished entry were removed before this one;
    ``broken`` says what was found wrong with the record when this entry was appended.
    """

    seq: int
    at: datetime
    purpose: RecordedPurpose
    outcome: Outcome
    plugin: str | None = None
    version: str | None = None
    sha256: str | None = None
    rule: str | None = None
    message: str = ""
    help: str | None = None
    stopped_at: int | None = None
    steps: tuple[Step, ...] = ()
    rests_on: dict[str, str] = {}
    process: int = 0
    torn: int = 0
    broken: str | None = None
    prev: str

    def line(self) -> bytes:
        """Return the entry as it is written, newline included."""
        return msgspec.json.encode(self) + b"\n"


def digest(line: bytes) -> str:
    """Return what the next entry carries as ``prev``."""
    return hashlib.sha256(line).hexdigest()


def entry_of(decision: Decision, **place: Any) -> Entry:
    """Build an entry; texts are made printable in UTF-8 and bounded, so that an entry can always be written."""
    return Entry(
        at=decision.at,
        purpose=decision.purpose,
        outcome=decision.outcome,
        plugin=_text(decision.plugin),
        version=_text(decision.version),
        sha256=_text(decision.sha256),
        rule=_text(decision.rule),
        message=_text(decision.message) or "",
        help=_text(decision.help),
        stopped_at=decision.stopped_at,
        steps=tuple(
            Step(step.number, step.title, _text(step.detail) or "", _text(step.where))
            for step in decision.steps[:_MAX_ITEMS]
        ),
        rests_on={_text(name) or "": known for name, known in list(decision.rests_on.items())[:_MAX_ITEMS]},
        **place,
    )


def parse_entry(line: bytes) -> Entry | None:
    """Read a line with its newline; ``None`` if it is no entry."""
    try:
        return msgspec.json.decode(line, type=Entry) if line.endswith(b"\n") else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _text(text: str | None) -> str | None:
    if text is None:
        return None
    short = text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
    return short.encode("utf-8", "backslashreplace").decode()
