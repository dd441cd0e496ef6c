"""The difference of two versions on one screen: what decides in full, what else changed as far as there is room.

::

    acme-hello 1.0.0 → 1.1.0
      signer        the same: urn:theodore:local:77c7… (issuer …, root local)
      permissions   + network other.example.com:443: reads other pages too
      dependencies  ~ idna 3.6 → 3.10
      files         1 added, 2 changed; 14,210 → 15,001 bytes

    needs consent: it also asks for network other.example.com:443
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from theodore_loader.difference import in_words
from theodore_loader.permissions import Permission
from theodore_plugin.difference.model import Change, Difference, Files, Named, PermissionChange
from theodore_plugin.difference.side import Side, Source
from theodore_plugin.report.visible import visible
from theodore_plugin.report.wrap import wrapped

FEW = 8
"""So many lines of a section that does not decide anything by itself."""
MANY = 20
"""So many permissions, those that reach furthest first: nobody reads on a second screen."""
REASON_LENGTH = 160
"""So many letters of what an author writes."""
_LABEL = 14
_MARGIN = 2
_ALWAYS = ("signer", "sha256", "not compared")
_SIGNS = {
    Change.ADDED: ("+", "bold red"),
    Change.REMOVED: ("-", "green"),
    Change.WIDENED: ("+", "bold red"),
    Change.NARROWED: ("-", "green"),
    Change.CHANGED: ("~", "yellow"),
}
_KINDS = {
    Source.WHEEL: "wheel",
    Source.TREE: "source",
    Source.INSTALLED: "installed",
    Source.REMEMBERED: "removed",
}


@dataclass(frozen=True, slots=True)
class Look:
    """How wide the lines are (``None``: as long as they are), how much is listed, and whether arrows can be shown."""

    width: int | None = None
    everything: bool = False
    arrow: str = "→"


def difference_lines(found: Difference, look: Look) -> Iterator[Text]:
    """Yield the whole comparison."""
    yield from wrapped(_title(found, look), look.width, _MARGIN)
    empty = True
    for label, lines in (*_answering(found), *_changes(found, look)):
        empty &= label in _ALWAYS or not lines
        for number, line in enumerate(lines):
            yield from _row("" if number else label, line, look)
    if empty:
        yield from _row("", Text("nothing else differs"), look)
    yield Text()
    yield from verdict_lines(found, look)


def granted_lines(side: Side, granted: Iterable[str], look: Look) -> Iterator[Text]:
    """Yield what a first installation grants; ``granted`` are the permissions the policy leaves."""
    given = sorted(granted)
    yield Text.assemble((visible(str(side)), "bold"), ("  first installation here", "dim"))
    sections: list[tuple[str, Iterable[Text]]] = [
        ("signer", [Text(visible(side.signed_by))]),
        ("sha256", _digest(side)),
        ("category", [Text(side.terms.category.value)]),
        ("asks for", _few(list(_asked(side, given, look)), look, MANY)),
        ("native code", (Text(visible(name), "bold red") for name in side.terms.native)),
        ("dynamic code", [Text("it makes code while it runs", "bold red")] if side.terms.dynamic_code else []),
        ("dependencies", _few([Text(visible(line)) for line in _locked(side)], look)),
    ]
    for label, lines in sections:
        for number, line in enumerate(lines):
            yield from _row("" if number else label, line, look)


def verdict_lines(found: Difference, look: Look) -> Iterator[Text]:
    """Yield the line that says whether somebody has to agree, and to what."""
    if found.increases:
        most = len(found.increases) if look.everything else FEW
        line = Text(f"needs consent: {visible(in_words(found.increases, most))}", "bold red")
    elif found.complete:
        line = Text("no increase: it may take the place by itself", "bold green")
    else:
        line = Text("incomplete: no increase was found, but not everything was looked at", "bold magenta")
    yield from wrapped(line, look.width, _MARGIN)


def _title(found: Difference, look: Look) -> Text:
    old, new = found.old, found.new
    return Text.assemble(
        (visible(old.name), "bold"),
        " ",
        (visible(old.version), "bold"),
        (f" ({_KINDS[old.source]}) {look.arrow} ", "dim"),
        (visible(new.version), "bold"),
        (f" ({_KINDS[new.source]})", "dim"),
    )


def _answering(found: Difference) -> Iterator[tuple[str, Sequence[Text]]]:
    yield "signer", list(_signer(found))
    yield "sha256", _digest(found.new)


def _changes(found: Difference, look: Look) -> Iterator[tuple[str, Sequence[Text]]]:
    ordered = sorted(found.permissions, key=_reach)
    yield "permissions", _few([_permission(change, look) for change in ordered], look, MANY)
    yield "native code", [_named(change, look) for change in found.native]
    yield "the code", _few([_code(change) for change in found.inferred], look)
    yield "about it", [_about(change, look) for change in found.about]
    yield "dependencies", _few([_named(change, look) for change in found.dependencies], look)
    yield "SDK used", _few([_named(change, look) for change in found.symbols], look)
    yield "files", list(_files(found.files, look)) if found.files else []
    yield "not compared", _few([Text(visible(text), "magenta") for text in found.unknown], look)


def _signer(found: Difference) -> Iterator[Text]:
    old, new = found.old, found.new
    if old.signed_by == new.signed_by:
        yield Text(f"the same: {visible(new.signed_by)}")
        return
    yield Text(f"- {visible(old.signed_by)}", "dim")
    yield Text(f"+ {visible(new.signed_by)}", "bold")


def _digest(side: Side) -> list[Text]:
    """Say what consent to this side has to name; a source tree cannot be agreed to."""
    return [] if side.source is Source.TREE else [Text(side.terms.sha256, "dim")]


def _reach(change: PermissionChange) -> tuple[bool, bool, Permission]:
    """Put first what is more than before, and of that what reaches furthest."""
    more = change.change in (Change.ADDED, Change.WIDENED)
    return not more, not change.permission.is_overbroad, change.permission


def _short(text: str, look: Look) -> str:
    shown = visible(text)
    return shown if look.everything or len(shown) <= REASON_LENGTH else f"{shown[: REASON_LENGTH - 1]}…"


def _permission(change: PermissionChange, look: Look) -> Text:
    sign, style = _SIGNS[change.change]
    line = Text.assemble((f"{sign} {visible(str(change.permission))}", style))
    if change.before:
        line.append(f"  {change.change.value} from {visible(', '.join(map(str, change.before)))}", "dim")
    if change.reason and change.change is not Change.REMOVED:
        line.append(f"  {_short(change.reason, look)}")
    return line


def _code(change: Named) -> Text:
    sign, style = _SIGNS[change.change]
    return Text(f"{sign} {visible(change.name)}", style)


def _named(change: Named, look: Look) -> Text:
    sign, style = _SIGNS[change.change]
    style = style.removeprefix("bold ") if change.new or change.old else style
    return Text.assemble((f"{sign} {visible(change.name)}", style), _values(change, look))


def _about(change: Named, look: Look) -> Text:
    return Text.assemble((f"~ {visible(change.name)}", "yellow"), _values(change, look))


def _values(change: Named, look: Look) -> str:
    if change.old and change.new:
        return f" {visible(change.old)} {look.arrow} {visible(change.new)}"
    return f" {visible(change.new or change.old)}" if change.new or change.old else ""


def _files(files: Files, look: Look) -> Iterator[Text]:
    counts = ((files.added, "added"), (files.changed, "changed"), (files.removed, "removed"))
    said = ", ".join(f"{len(paths)} {word}" for paths, word in counts if paths)
    if not said:
        return
    kind = " (Python files alone)" if files.only_python else ""
    yield Text(f"{said}{kind}; {files.old_size:,} {look.arrow} {files.new_size:,} bytes")
    signs = ((files.added, Change.ADDED), (files.removed, Change.REMOVED), (files.changed, Change.CHANGED))
    yield from _few([_named(Named(change, path), look) for paths, change in signs for path in paths], look)


def _few(lines: Sequence[Text], look: Look, few: int = FEW) -> list[Text]:
    if look.everything or len(lines) <= few + 1:
        return list(lines)
    return [*lines[:few], Text(f"and {len(lines) - few:,} more (--all lists them)", "dim")]


def _asked(side: Side, granted: Sequence[str], look: Look) -> Iterator[Text]:
    if not side.asked:
        yield Text("nothing")
    for one in sorted(side.asked, key=lambda one: (not one.permission.is_overbroad, one.permission)):
        text = str(one.permission)
        line = Text.assemble((visible(text), "bold" if text in granted else "dim"))
        if text not in granted:
            line.append("  not granted in full by the policy", "yellow")
        line.append(f"  {_short(one.reason, look)}")
        yield line


def _locked(side: Side) -> list[str]:
    found = side.content.dependencies if side.content else None
    return [f"{name} {', '.join(versions)}" for name, versions in (found or {}).items()]


def _row(label: str, line: Text, look: Look) -> Iterator[Text]:
    indent = _MARGIN + _LABEL
    whole = Text.assemble(" " * _MARGIN, (f"{label:<{_LABEL}}", "dim"), line)
    yield from wrapped(whole, look.width, indent + 2)
