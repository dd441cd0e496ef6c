"""What ``why`` is asked for, found in the record; what is not there, or not whole, is said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from theodore_loader.errors import ConfigurationProblem, NothingToDo, Refused
from theodore_loader.trust.decisions.chain import Chain, verify_chain
from theodore_loader.trust.decisions.decision import Entry
from theodore_loader.trust.decisions.history import newest_first
from theodore_loader.trust.decisions.tail import Head

_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_ANCHOR = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which decisions are wanted: about whom, and whether all of them or only how things stand."""

    name: str | None
    version: str | None = None
    digest: str | None = None
    refused: bool = False
    everything: bool = False

    def wants(self, entry: Entry) -> bool:
        """Tell whether ``entry`` is about what was asked for; that it is a refusal is not looked at here."""
        return self.version in (None, entry.version) and (
            self.digest is None or (entry.sha256 or "").startswith(self.digest)
        )


def decisions(home: Path, asked: Asked) -> list[Entry]:
    """Return what was asked for, newest first, at least one.

    Raises:
        NothingToDo: there is none.
        ConfigurationProblem: the digest is none.

    """
    if asked.digest is not None and not _DIGEST.fullmatch(asked.digest):
        raise ConfigurationProblem(
            f"{asked.digest[:80]!r} is no SHA-256 or beginning of one", help="give 8 to 64 lower-case hex digits"
        )
    found = [entry for entry in _about(home, asked.name) if asked.wants(entry)]
    if asked.refused:
        wanted = found if asked.name or asked.everything else _newest_of_each(found)
        found = [entry for entry in wanted if entry.outcome == "refused"]
    if not found:
        raise _nothing(home, asked)
    return found


def chain(home: Path, anchor: str | None) -> Chain:
    """Read the whole record. Raises ConfigurationProblem for an anchor that is none."""
    if anchor is None:
        return verify_chain(home)
    match = _ANCHOR.fullmatch(anchor)
    if match is None:
        raise ConfigurationProblem(
            f"{anchor[:100]!r} is no anchor", help="give what `theodore-plugin why --head` printed: N:DIGEST"
        )
    return verify_chain(home, Head(int(match[1]), match[2]))


def refuse_broken(chain: Chain, home: Path) -> None:
    """Raise ``decision-record-broken`` naming the first bad entry."""
    if chain.broken is None:
        return
    where = f"{chain.broken.file}:{chain.broken.line}" if chain.broken.line else str(chain.broken.file)
    raise Refused(
        "decision-record-broken",
        f"{where}: {chain.broken.what} (whole up to entry {chain.head.seq})",
        help=f"find out who wrote there; keep {home / 'decisions'} as evidence by moving it away, a new record begins",
    )


def _about(home: Path, name: str | None) -> list[Entry]:
    """Return what is recorded about a plugin, in whichever spelling its name is given."""
    if name is None:
        return list(newest_first(home))
    return list(newest_first(home, canonicalize_name(name))) or list(newest_first(home, name))


def _newest_of_each(entries: Iterable[Entry]) -> Iterator[Entry]:
    seen: set[str | None] = set()
    for entry in entries:
        if entry.plugin not in seen:
            seen.add(entry.plugin)
            yield entry


def _nothing(home: Path, asked: Asked) -> NothingToDo:
    which = "refusal" if asked.refused else "decision"
    about = f" about {asked.name}" if asked.name else ""
    limits = [text for text in (asked.version, asked.digest and f"sha256 {asked.digest}") if text]
    named = sorted({entry.plugin for entry in newest_first(home) if entry.plugin})
    shown = ", ".join(named[:8]) + (f" and {len(named) - 8} more" if len(named) > 8 else "")
    return NothingToDo(
        f"no {which}{about}{f' ({limits[0]})' if limits else ''} is recorded in {home / 'decisions'}",
        help=f"decisions are recorded about: {shown}" if named else "install or load a plugin: each decision is kept",
    )
