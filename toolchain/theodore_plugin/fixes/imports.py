"""How a foreign name is spelt in a module, and the import that makes it so."""

from __future__ import annotations

import re

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Foreign
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Edit, NoFix
from theodore_plugin.fixes.source import Source

_COMMA_ENDS = re.compile(r",[ \t]*(?:#.*)?")
SDK = "theodore_sdk"
BY_NAME = frozenset({"collections.abc", SDK, "typing"})
"""Modules from which single names are imported; others are imported as a whole."""


def spelt(context: FixContext, facts: m.ModuleFacts, path: str) -> tuple[str, tuple[Edit, ...]]:
    """Return how ``path`` (``asyncio.sleep``) is written at the top level of a module, and the edits it takes.

    A name that is imported already is used as it is. Raises NoFix where the name is taken by something else.
    """
    known = _known(context, facts, path)
    if known is not None:
        return known, ()
    module, _, name = path.rpartition(".")
    by_name = module in BY_NAME
    taken = name if by_name else module.partition(".")[0]
    nodes = context.nodes(facts.path)
    if module == SDK and name in nodes.names_read - nodes.names_bound:
        return name, ()  # the import is missing already, or comes with a star; the metadata is read all the same
    if taken in nodes.names_read | nodes.names_bound:
        raise NoFix(f"{taken} is not imported in {facts.path}, or means something else there")
    source = context.source(facts.path)
    extended = _extended(context, source, facts, module, name) if by_name else None
    line = f"from {module} import {name}\n" if by_name else f"import {module}\n"
    return (name if by_name else path), (extended or _new_line(source, facts, line),)


def _known(context: FixContext, facts: m.ModuleFacts, path: str) -> str | None:
    """Look for a top-level name that is ``path``, or the module it is in; the name itself wins."""
    module, _, last = path.rpartition(".")
    bound = context.rules.names.bound_names(facts.module or "")
    for wanted, rest in ((path, ""), (module, f".{last}")):
        for name, node in sorted(bound.items(), key=lambda item: item[0]):
            meaning = context.rules.names.resolve(facts, name) if isinstance(node, m.Import | m.ImportFrom) else None
            # in no branch: under TYPE_CHECKING it would not be there at run time
            if (
                isinstance(meaning, Foreign)
                and _same(meaning.path, wanted)
                and any(item is node for item in facts.body)
            ):
                return f"{name}{rest}"
    return None


def _same(path: str, wanted: str) -> bool:
    """Whether two paths are the same thing; what the SDK exports may be imported from where it is defined."""
    (module, _, name), (package, _, last) = path.rpartition("."), wanted.rpartition(".")
    return path == wanted or (name == last and package == SDK and module.startswith(f"{SDK}."))


def _extended(context: FixContext, source: Source, facts: m.ModuleFacts, module: str, name: str) -> Edit | None:
    """Add a name to the ``from module import …`` that is there, if there is one."""
    nodes = [node for node in facts.body if isinstance(node, m.ImportFrom) and node.attribute != "*"]
    aliases = [node for node in nodes if context.rules.names.absolute(facts, node) == module]
    if not aliases:
        return None
    _, end = source.logical_line(source.offset(aliases[0].span.line, aliases[0].span.column + 1))
    ends = [source.offset(node.span.end_line, node.span.end_column + 1) for node in aliases]
    last = max(offset for offset in ends if offset <= end)
    before = source.text[source.line_start(last) : last]
    behind = source.text[last : source.line_end(last)].rstrip("\r\n")
    indent = before[: len(before) - len(before.lstrip())]
    if indent and _COMMA_ENDS.fullmatch(behind):
        offset = last + len(behind)  # behind the comment, which is about the name before it
        return source.replace(offset, offset, f"\n{indent}{name},", joins=True)
    return source.replace(last, last, f",\n{indent}{name}" if indent else f", {name}", joins=True)


def _new_line(source: Source, facts: m.ModuleFacts, line: str) -> Edit:
    """Put an import behind the imports at the top; else behind the docstring, else first."""
    last: m.Statement | None = None
    for number, statement in enumerate(facts.body):
        if not isinstance(statement, m.Import | m.ImportFrom) and not (number == 0 and _is_docstring(statement)):
            break
        last = statement
    if last is None:
        offset = _first_line(source, facts)
        return source.replace(offset, offset, f"{line}\n\n", joins=True)
    _, end = source.logical_line(source.offset(last.span.line, last.span.column + 1))
    offset = source.line_end(end)
    ended = source.text[:offset].endswith(("\n", "\r"))
    before = "\n" if _is_docstring(last) else ""
    return source.replace(offset, offset, f"{before}{line}" if ended else f"\n{before}{line.rstrip()}", joins=True)


def _is_docstring(statement: m.Statement) -> bool:
    value = statement.value if isinstance(statement, m.ExprStatement) else None
    return isinstance(value, m.Constant) and isinstance(value.value, str)


def _first_line(source: Source, facts: m.ModuleFacts) -> int:
    """Return the start of the first statement's line, decorators included; a shebang and comments stay above."""
    if not facts.body:
        return len(source.text)
    first = facts.body[0]
    lines = [first.span.line, *(node.span.line for node in getattr(first, "decorators", ()))]
    return source.offset(min(lines), 1)
