"""Change one expression through its libcst tree: what the change does not touch is rendered as it was written.

Only the slice of the file that changes is parsed, and a slice that its tree does not reproduce exactly is left
alone: libcst drops form feeds, for one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.guard import Nesting
from theodore_plugin.finding import Location
from theodore_plugin.fixes.model import Edit, NoFix
from theodore_plugin.fixes.source import Source

E = TypeVar("E", bound=cst.BaseExpression)
Item = TypeVar("Item", cst.Arg, cst.BaseElement)


def rewrite(source: Source, location: Location, written: str) -> Edit:
    """Write another expression at ``location``."""
    return source.replace(*source.extent(location), written)


def edit(
    source: Source, location: Location, kind: type[E], change: Callable[[E], cst.BaseExpression], *, joins: bool = False
) -> Edit:
    """Parse the expression at ``location``, change it, and return what differs. Raises NoFix."""
    start, end = source.extent(location)
    node = _parsed(source, source.text[start:end], kind)
    return source.replace(start, end, _rendered(source, change(node)), joins=joins)


def refuse_depth(text: str) -> None:
    """Raise NoFix for what could end this process: the parser recurses natively."""
    if not Nesting(text).harmless:
        raise NoFix("it nests too deeply to be taken apart here")


def _parsed(source: Source, text: str, kind: type[E]) -> E:
    refuse_depth(text)
    try:
        node = cst.parse_expression(f"({text})")
    except cst.ParserSyntaxError as problem:
        raise NoFix(f"the expression cannot be taken out of its surroundings: {problem.message}") from None
    if not isinstance(node, kind):
        raise NoFix(f"the expression is a {type(node).__name__}")
    bare = node.with_changes(lpar=node.lpar[1:], rpar=node.rpar[:-1])
    if _rendered(source, bare) != text:
        raise NoFix("the expression is written in a way that cannot be reproduced exactly")
    return bare


def _rendered(source: Source, node: cst.CSTNode) -> str:
    return cst.Module([], default_newline=source.newline).code_for_node(node)


def value(text: str) -> cst.BaseExpression:
    """Parse an expression of ours."""
    return cst.parse_expression(text)


def with_keyword(call: cst.Call, name: str, written: str) -> cst.Call:
    """Add ``name=written`` behind the last argument, laid out like the others."""
    bare = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    added = cst.Arg(value(written), cst.Name(name), equal=bare)
    if not call.args:
        return call.with_changes(args=[added])
    last = call.args[-1]
    if isinstance(last.value, cst.GeneratorExp) and not last.value.lpar:
        raise NoFix("the only argument is a generator without parentheses of its own")
    between = _separator([argument.comma for argument in call.args], call.whitespace_before_args)
    ended = added.with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
    before = last.with_changes(comma=between, whitespace_after_arg=cst.SimpleWhitespace(""))
    return call.with_changes(args=[*call.args[:-1], before, ended])


def with_value(call: cst.Call, number: int, written: str) -> cst.Call:
    """Pass something else as one argument."""
    args = list(call.args)
    args[number] = args[number].with_changes(value=value(written))
    return call.with_changes(args=args)


def with_item(display: cst.List, written: str) -> cst.List:
    """Add an item at the end of a list, on a line of its own where the others have one."""
    added = cst.Element(value(written))
    if not display.elements:
        return display.with_changes(elements=[added])
    last, closing = display.elements[-1], display.rbracket.whitespace_before
    between = _separator([item.comma for item in display.elements], display.lbracket.whitespace_after)
    if isinstance(closing, cst.ParenthesizedWhitespace):
        indent = _indent(between.whitespace_after)
        between = cst.Comma(whitespace_after=closing.with_changes(last_line=indent))
        closing = _plain(closing)
    kept = isinstance(last.comma, cst.Comma)
    if isinstance(last.comma, cst.Comma):
        between = between.with_changes(whitespace_before=last.comma.whitespace_before)
    ended = added.with_changes(comma=cst.Comma() if kept else cst.MaybeSentinel.DEFAULT)
    return display.with_changes(
        elements=[*display.elements[:-1], last.with_changes(comma=between), ended],
        rbracket=display.rbracket.with_changes(whitespace_before=closing),
    )


def _separator(
    commas: Sequence[cst.Comma | cst.MaybeSentinel], opening: cst.BaseParenthesizableWhitespace
) -> cst.Comma:
    """Return the comma that stands between two items here; comments stay where they are."""
    first = commas[0] if len(commas) > 1 else None
    if isinstance(opening, cst.ParenthesizedWhitespace):
        return cst.Comma(whitespace_after=_plain(opening))
    if isinstance(first, cst.Comma):
        return cst.Comma(whitespace_after=_plain(first.whitespace_after))
    return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def _plain(space: cst.BaseParenthesizableWhitespace) -> cst.BaseParenthesizableWhitespace:
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return space
    return space.with_changes(first_line=_plain_line(space.first_line), empty_lines=[])


def _indent(space: cst.BaseParenthesizableWhitespace) -> cst.SimpleWhitespace:
    return space.last_line if isinstance(space, cst.ParenthesizedWhitespace) else cst.SimpleWhitespace("")


def without(items: Sequence[Item], number: int) -> list[Item]:
    """Take one item out of arguments or elements; comments that are about other items stay, or NoFix is raised."""
    kept, gone = list(items), items[number]
    del kept[number]
    if _stands_alone(gone.comma):
        raise NoFix("a comment about something else stands beside the comma")
    if number == len(kept) and kept:
        before = kept[-1].comma
        if isinstance(before, cst.Comma) and (
            _commented(before.whitespace_after) or _commented(before.whitespace_before)
        ):
            # the comma that stays is legal at the end, and its comment is about the item that stays
            kept[-1] = kept[-1].with_changes(comma=_closing(before, gone))
            return kept
        kept[-1] = kept[-1].with_changes(comma=gone.comma)
        if isinstance(gone, cst.Arg):
            kept[-1] = kept[-1].with_changes(whitespace_after_arg=gone.whitespace_after_arg)
    return kept


def without_item(display: cst.List, number: int) -> cst.List:
    """Take one item out of a list, with the comment behind it on its line."""
    kept, closing = without(display.elements, number), display.rbracket.whitespace_before
    if number == len(kept) and isinstance(closing, cst.ParenthesizedWhitespace):
        comma = kept[-1].comma if kept else None
        space = comma.whitespace_after if isinstance(comma, cst.Comma) else None
        if isinstance(comma, cst.Comma) and isinstance(space, cst.ParenthesizedWhitespace):
            kept[-1] = kept[-1].with_changes(comma=comma.with_changes(whitespace_after=cst.SimpleWhitespace("")))
            lines = [*space.empty_lines, *closing.empty_lines]
            closing = closing.with_changes(first_line=space.first_line, empty_lines=lines)
        else:
            closing = closing.with_changes(first_line=_plain_line(closing.first_line))
    bracket = display.rbracket.with_changes(whitespace_before=closing)
    return display.with_changes(elements=kept, rbracket=bracket)


def _closing(comma: cst.Comma, gone: cst.Arg | cst.BaseElement) -> cst.Comma:
    """Lead from a comma with a comment straight to what closes the call."""
    space, last = comma.whitespace_after, gone.comma.whitespace_after if isinstance(gone.comma, cst.Comma) else None
    if isinstance(gone, cst.Arg) and not isinstance(last, cst.ParenthesizedWhitespace):
        last = gone.whitespace_after_arg
    if isinstance(space, cst.ParenthesizedWhitespace) and isinstance(last, cst.ParenthesizedWhitespace):
        return comma.with_changes(whitespace_after=space.with_changes(last_line=last.last_line))
    return comma


def _plain_line(line: cst.TrailingWhitespace) -> cst.TrailingWhitespace:
    return line.with_changes(whitespace=cst.SimpleWhitespace(""), comment=None)


def _commented(space: cst.BaseParenthesizableWhitespace) -> bool:
    return isinstance(space, cst.ParenthesizedWhitespace) and (
        space.first_line.comment is not None or any(line.comment for line in space.empty_lines)
    )


def _stands_alone(comma: cst.Comma | cst.MaybeSentinel) -> bool:
    spaces = (comma.whitespace_before, comma.whitespace_after) if isinstance(comma, cst.Comma) else ()
    return any(
        isinstance(space, cst.ParenthesizedWhitespace) and any(line.comment for line in space.empty_lines)
        for space in spaces
    )


def argument_number(call: m.Call, location: Location) -> int:
    """Return which argument of a call stands at a place."""
    for number, argument in enumerate(call.arguments):
        if argument.span.at(location.path) == location:
            return number
    raise NoFix(f"there is no argument at {location}")


def without_argument(call: cst.Call, number: int) -> cst.Call:
    """Take one argument out of a call."""
    return call.with_changes(args=without(call.args, number))


def quoted(text: str, like: str = '"') -> str:
    """Write a string literal with the quotes of ``like``; what cannot be seen is escaped."""
    quote = "'" if like.lstrip("rRbBuUfF").startswith("'") else '"'
    return quote + "".join(_escaped(letter, quote) for letter in text) + quote


def _escaped(letter: str, quote: str) -> str:
    if letter in {"\\", quote}:
        return f"\\{letter}"
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
