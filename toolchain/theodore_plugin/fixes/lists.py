"""Lists of the plugin's metadata: one item more, one less, or written differently."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.imports import SDK, spelt
from theodore_plugin.fixes.model import Edit, NoFix
from theodore_plugin.fixes.syntax import edit, quoted, with_item, without_item


def added(context: FixContext, pointer: str, kind: str, arguments: str) -> tuple[Edit, ...]:
    """Add ``kind(arguments)``, a constructor of the SDK, to a list; ``{NAME}`` of the SDK in the text are imported."""
    found = context.sequence(pointer)
    facts, edits = found.facts, list[Edit]()
    names = {}
    for name in (kind, "PermissionType") if "{PermissionType}" in arguments else (kind,):
        names[name], imports = spelt(context, facts, f"{SDK}.{name}")
        edits += imports
    written = f"{names[kind]}({arguments.replace('{PermissionType}', names.get('PermissionType', ''))})"
    is_empty = isinstance(found.node, m.Sequence) and not found.node.items
    source = context.source(facts.path)
    new = edit(source, found.location, cst.List, lambda display: with_item(display, written), joins=not is_empty)
    return (new, *edits)


def removed(context: FixContext, pointer: str, number: int) -> Edit:
    """Take an item out of a list."""
    return _changed(context, pointer, lambda display: without_item(display, number))


def replaced(context: FixContext, pointer: str, number: int, change: Callable[[cst.Call], list[cst.Call]]) -> Edit:
    """Write one or several constructor calls instead of the one an item is. Raises NoFix if it is none."""

    def changed(display: cst.List) -> cst.List:
        item = display.elements[number]
        if not isinstance(item, cst.Element) or not isinstance(item.value, cst.Call):
            raise NoFix("the item is written elsewhere")
        space = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        new = [cst.Element(call, comma=space) for call in change(item.value)]
        new[-1] = new[-1].with_changes(comma=item.comma)
        return display.with_changes(elements=[*display.elements[:number], *new, *display.elements[number + 1 :]])

    return _changed(context, pointer, changed)


def _changed(context: FixContext, pointer: str, change: Callable[[cst.List], cst.List]) -> Edit:
    found = context.sequence(pointer)
    return edit(context.source(found.facts.path), found.location, cst.List, change)


def text(context: FixContext, pointer: str, new: str) -> Edit:
    """Write another string for a metadata value, with the quotes it had. Raises NoFix if it is no plain string."""
    found = context.value(pointer)
    if not isinstance(found.node, m.Constant) or not isinstance(found.node.value, str):
        raise NoFix(f"{pointer} is not written as one string")
    source = context.source(found.facts.path)
    start, end = source.extent(found.location)
    return source.replace(start, end, quoted(new, source.text[start:end]))
