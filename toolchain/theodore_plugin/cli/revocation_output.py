"""How lists of revocations and their entries are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.trust.revocations.document import Entry
from theodore_loader.trust.revocations.lookup import Hit, Revocations, Source
from theodore_loader.trust.revocations.signed import Facts
from theodore_plugin.cli.console import print_error, stdout, visible

if TYPE_CHECKING:
    from theodore_loader.trust.revocations.intake import TakenIn
    from theodore_plugin.revocations.update import Source as Origin


def taken_in_lines(origin: Origin, taken: TakenIn | None) -> Iterator[str]:
    """Yield what came of an update."""
    if taken is None:
        yield f"unchanged: {origin.place} still has the list of {origin.revoker} that is in place"
        return
    facts, before = taken.signed.facts, taken.before
    verb = "took in" if taken.changed else "unchanged:"
    yield f"{verb} list {facts.sequence} of {taken.signed.revoker.id}"
    yield from _signer(facts)
    yield f"  issued    {facts.issued:%Y-%m-%d %H:%M}Z, expires {facts.expires:%Y-%m-%d %H:%M}Z"
    yield f"  entries   {facts.entries:,} hold, {facts.withdrawn:,} withdrawn"
    if before is not None and taken.changed:
        yield f"  before    list {before.sequence}: {before.entries:,} held, {before.withdrawn:,} withdrawn"


def show_lists(revocations: Revocations, output_format: str, *, entries: bool) -> bool:
    """Print the lists of this host; tell whether all of them are in force."""
    now = datetime.now(UTC)
    sources, problem = _sources(revocations, now)
    if output_format == "json":
        lists = [_as_json(source, entries=entries) for source in sources]
        refused = None if problem is None else {"rule": getattr(problem, "rule", None), "message": problem.message}
        stdout.out(json.dumps({"lists": lists, "problem": refused}, indent=2), highlight=False)
        return problem is None
    if not sources and problem is None:
        stdout.print("no revocation list on this host: none known")
    for source in sources:
        for line in _lines(source, now, entries=entries):
            stdout.print(visible(line))
    if problem is not None:
        print_error(problem)
    return problem is None


def show_hits(asked: str, hits: Sequence[Hit], output_format: str) -> bool:
    """Print what the lists say about one thing; tell whether it would be refused."""
    blocks = [hit for hit in hits if hit.entry.withdrawn is None and hit.entry.action == "block-load"]
    if output_format == "json":
        found = [
            {"list": _of(hit.source), **({"dependency": str(hit.locked)} if hit.locked else {})}
            | msgspec.to_builtins(hit.entry)
            for hit in hits
        ]
        stdout.out(json.dumps({"asked": asked, "refused": bool(blocks), "entries": found}, indent=2), highlight=False)
        return bool(blocks)
    if not hits:
        stdout.print(visible(f"{asked} is on no list of this host"))
    for hit in hits:
        stdout.print(visible(f"{_outcome(hit.entry)}: {hit} ({hit.source.label})"))
        for line in _undone(hit.entry):
            stdout.print(visible(f"  {line}"))
    return bool(blocks)


def _sources(revocations: Revocations, now: datetime) -> tuple[Sequence[Source], Refused | ConfigurationProblem | None]:
    try:
        sources = revocations.sources()
    except (Refused, ConfigurationProblem) as problem:
        return (), problem
    try:
        revocations.refuse_stale(now)
    except Refused as problem:
        return sources, problem
    return sources, None


def _lines(source: Source, now: datetime, *, entries: bool) -> Iterator[str]:
    facts = source.facts
    yield f"list {facts.sequence} of {source.revoker.id if source.revoker else 'the owner of this host'}"
    yield from _signer(facts)
    yield f"  issued    {facts.issued:%Y-%m-%d %H:%M}Z, {_days(now - facts.issued)} ago"
    if facts.expires is not None:
        yield f"  expires   {facts.expires:%Y-%m-%d %H:%M}Z, {_when(facts.expires - now)}"
    yield f"  entries   {facts.entries:,} hold, {facts.withdrawn:,} withdrawn"
    yield f"  sha256    {facts.sha256}"
    for entry in source.index.all() if entries else ():
        yield f"  {_outcome(entry)}: {entry.reason} ({entry.url})"
        yield from (f"    {name:<8}  {value}" for name, value in _named(entry))
        yield from (f"    {line}" for line in _undone(entry))


def _signer(facts: Facts) -> Iterator[str]:
    if facts.signer is None:
        yield "  signer    nobody: protected like the trust file"
        return
    for name in ("identity", "issuer", "root"):
        yield f"  {name:<8}  {getattr(facts.signer, name)}"


def _as_json(source: Source, *, entries: bool) -> dict[str, Any]:
    listed = {"entries": [msgspec.to_builtins(entry) for entry in source.index.all()]} if entries else {}
    facts = msgspec.to_builtins(source.facts)
    facts["held"] = facts.pop("entries")
    return {"revoker": _of(source), **facts, **listed}


def _of(source: Source) -> str | None:
    return None if source.revoker is None else source.revoker.id


def _named(entry: Entry) -> Iterator[tuple[str, str]]:
    for name in ("sha256", "identity", "issuer", "root", "plugin", "versions", "registry"):
        if getattr(entry, name) is not None:
            yield name, getattr(entry, name)
    if entry.since is not None:
        yield "from", f"{entry.since:%Y-%m-%d %H:%M}Z"


def _outcome(entry: Entry) -> str:
    return f"withdrawn {entry.action}" if entry.withdrawn is not None else entry.action


def _undone(entry: Entry) -> Iterator[str]:
    if entry.withdrawn is not None:
        yield f"withdrawn on {entry.withdrawn.at:%Y-%m-%d}: {entry.withdrawn.reason}"


def _days(span: timedelta) -> str:
    return "1 day" if span.days == 1 else f"{span.days} days"


def _when(ahead: timedelta) -> str:
    return f"in {_days(ahead)}" if ahead > timedelta(0) else f"{_days(-ahead)} ago"
