"""Recorded decisions for people: the answer first, then the steps, what they rest on, and what would change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import groupby

from rich.text import Text

from theodore_loader.trust.decisions.chain import Chain
from theodore_loader.trust.decisions.decision import Entry, Step
from theodore_loader.trust.steps import TITLES
from theodore_plugin.report.visible import visible
from theodore_plugin.report.wrap import wrapped
from theodore_plugin.rules.refusals import refusal_rule

_MARGIN = 2
_STEP_INDENT = 20
_LABEL_INDENT = 4
_SHORT = 12
_DONE = {
    "install": ("may be installed", "may not be installed"),
    "load": ("may be loaded", "may not be loaded"),
    "reload": ("may take the place of the running version", "may not take the place of the running version"),
    "verify": ("is acceptable", "is not acceptable"),
    "upgrade": ("may replace what was installed", "may not replace what was installed"),
    "revocations": ("was taken in", "was not taken in"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """How wide the lines are (``None``: as long as they are), and whether the terminal shows ticks."""

    width: int | None
    unicode: bool = True

    @property
    def passed(self) -> str:
        """The mark of a step that was passed."""
        return "✓" if self.unicode else "ok"

    @property
    def stopped(self) -> str:
        """The mark of the step that refused."""
        return "✗" if self.unicode else "no"


def answer(entry: Entry, look: Look) -> Iterator[Text]:
    """Yield one decision in full."""
    yield from _wrapped(_heading(entry), look, _MARGIN)
    yield from _wrapped(_line(_MARGIN, _circumstances(entry), "dim"), look, _MARGIN)
    if entry.sha256:
        yield _line(_MARGIN, f"sha256 {entry.sha256}", "dim")
    yield from _steps(entry, look)
    if entry.outcome == "refused":
        yield from _what_would_have_to_change(entry, look)
    yield from _rests_on(entry, look)


def summary(entries: Iterable[Entry], look: Look, *, named: bool) -> Iterator[Text]:
    """Yield one decision a line, ``named`` with the plugin."""
    listed = list(entries)
    names = max((len(_subject(entry)) for entry in listed), default=0) if named else 0
    for entry in listed:
        accepted = entry.outcome == "accepted"
        yield from _wrapped(
            Text.assemble(
                (f"  {entry.at.astimezone(UTC):%Y-%m-%d %H:%M}Z  ", "dim"),
                f"{_subject(entry):<{names}}  " if named else f"{visible(entry.version or '-')}  ",
                f"{entry.purpose:<8} ",
                (entry.outcome, "green" if accepted else "red"),
                "" if accepted else f"  {_reason(entry)}",
            ),
            look,
            21,
        )


def chain_lines(chain: Chain, folder: str) -> Iterator[Text]:
    """Yield whether the record is whole; a broken one is the caller's to refuse."""
    if not chain.entries and not chain.broken:
        yield Text(f"no decision is recorded in {visible(folder)}")
        return
    yield Text(f"the record is whole: entries {chain.first:,} to {chain.head.seq:,}", "bold green")
    yield Text(f"  head {chain.head.seq}:{chain.head.digest}")
    if chain.torn:
        yield Text(f"  an unfinished entry of {chain.torn} bytes stands at the end; the next writer removes it")


def _heading(entry: Entry) -> Text:
    did, did_not = _DONE[entry.purpose]
    accepted = entry.outcome == "accepted"
    return Text(f"{_subject(entry)} {did if accepted else did_not}", "bold green" if accepted else "bold red")


def _subject(entry: Entry) -> str:
    return visible(" ".join(filter(None, (entry.plugin, entry.version))) or "a revocation list")


def _circumstances(entry: Entry) -> str:
    when = f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    return f"{entry.purpose}, {when}, by process {entry.process}; entry {entry.seq:,} of the record"


def _steps(entry: Entry, look: Look) -> Iterator[Text]:
    yield Text()
    for step in entry.steps:
        yield from _step(look.passed, "green", step, look)
    if entry.stopped_at is not None:
        title = TITLES.get(entry.stopped_at, "")
        yield from _step(look.stopped, "bold red", Step(entry.stopped_at, title, entry.message), look)
    elif entry.outcome == "refused" or not entry.steps:
        yield from _wrapped(_line(_MARGIN, entry.message), look, _MARGIN)


def _step(mark: str, style: str, step: Step, look: Look) -> Iterator[Text]:
    head = Text.assemble("  ", (f"{mark:<2}", style), f"{step.number} {visible(step.title):<12}  ")
    yield from _wrapped(head + Text(visible(step.detail)), look, _STEP_INDENT)
    if step.where:
        yield _line(_STEP_INDENT, f"by {step.where}", "cyan")


def _what_would_have_to_change(entry: Entry, look: Look) -> Iterator[Text]:
    yield Text()
    rule = refusal_rule(entry.rule) if entry.rule else None
    yield Text.assemble(("What would have to change", "bold"), f"  {visible(entry.rule)}" if entry.rule else "")
    said = [rule.summary, rule.remedy] if rule else []
    for text in (*said, entry.help):
        if text:
            yield from _wrapped(_line(_MARGIN, text), look, _MARGIN)
    if rule:
        yield _line(_MARGIN, f"theodore-plugin explain {rule.name}", "cyan")


def _rests_on(entry: Entry, look: Look) -> Iterator[Text]:
    if not entry.rests_on:
        return
    yield Text()
    yield Text("What it rested on, by SHA-256", "bold")
    labels = {name: visible(name) for name in entry.rests_on}
    column = max(map(len, labels.values()))
    for name, known in entry.rests_on.items():
        fits = look.width is None or look.width >= _MARGIN + column + 2 + len(known)
        shown = known if fits else f"{known[:_SHORT]}…"
        yield _line(_MARGIN, f"{labels[name]:<{column}}  {shown}", "dim")


def _reason(entry: Entry) -> str:
    first = visible(entry.message.partition("\n")[0])
    return f"{visible(entry.rule)}: {first}" if entry.rule else first


def _line(indent: int, text: str, style: str = "") -> Text:
    return Text.assemble(" " * indent, (visible(text), style))


def _wrapped(line: Text, look: Look, indent: int) -> Iterator[Text]:
    return wrapped(line, look.width, indent)


def older(entries: Sequence[Entry], look: Look) -> Iterator[Text]:
    """Yield the decisions before the newest, one a line; the same one again and again is said once."""
    yield Text()
    yield Text("Before", "bold")
    for _, group in groupby(entries, lambda one: (one.version, one.sha256, one.purpose, one.rule, one.message)):
        newest, *again = group
        (*first, last) = summary([newest], look, named=False)
        if again:
            since = f"{again[-1].at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
            last.append(f"  ({len(again) + 1} times since {since})", "dim")
        yield from (*first, last)


def more(entries: Sequence[Entry], name: str) -> Text:
    """Say how many older decisions there are, and how to see them."""
    return Text(f"\n{len(entries)} older: theodore-plugin why {visible(name)} --all", "dim")


def ask_for_one(entry: Entry) -> Text:
    """Say how to see one decision in full."""
    return Text(f"\nsteps and remedy: theodore-plugin why {visible(entry.plugin or 'NAME')}", "dim")
