"""Import statements of a libcst tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.concrete.cursor import Place
from theodore_plugin.facts.concrete.expressions import UnknownSyntax
from theodore_plugin.facts.decoding import identifier

if TYPE_CHECKING:
    from theodore_plugin.facts.concrete.statements import Lowered, Statements


def lower_import(statements: Statements, node: cst.Import, _start: Place) -> Lowered:
    """Lower ``import a, b.c as d``: a statement for each."""
    statements.cursor.take("import")
    return tuple([_imported(statements, alias) for alias in node.names])


def lower_lazy_import(statements: Statements, node: Any, start: Place) -> Lowered:
    """Lower ``lazy import`` (PEP 810) as an import: it takes effect at the first use, wherever that is."""
    statements.cursor.take("lazy")
    inner = statements.cursor.start()
    if isinstance(node, cst.LazyImportFrom):
        return lower_import_from(statements, node, start)
    return lower_import(statements, node, inner)


def _imported(statements: Statements, alias: cst.ImportAlias) -> m.Import:
    target, name, span = _alias(statements, alias)
    return m.Import(target, name or target.split(".", 1)[0], alias.asname is not None, span)


def lower_import_from(statements: Statements, node: Any, start: Place) -> Lowered:
    """Lower ``from a import b, c as d``: a statement for each name."""
    statements.cursor.take("from")
    for _ in node.relative:
        statements.cursor.take(".")
    module = lower_dotted(statements, node.module) if node.module else ""
    level = len(node.relative)
    statements.cursor.take("import")
    if isinstance(node.names, cst.ImportStar):
        statements.cursor.take("*")
        return (m.ImportFrom(module, level, "*", "*", statements.cursor.span(start)),)
    if node.lpar:
        statements.cursor.take("(")
    found = [_alias(statements, alias) for alias in node.names]
    if node.lpar:
        statements.cursor.take(")")
    return tuple([m.ImportFrom(module, level, target, name or target, span) for target, name, span in found])


def _alias(statements: Statements, alias: cst.ImportAlias) -> tuple[str, str | None, m.Span]:
    """Return what is imported, the name behind ``as``, and where."""
    start = statements.cursor.start()
    target, name = lower_dotted(statements, alias.name), None
    if alias.asname is not None:
        statements.cursor.take("as")
        name = lower_dotted(statements, alias.asname.name)
    span = statements.cursor.span(start)
    statements.expressions.comma(alias)
    return target, name, span


def lower_dotted(statements: Statements, node: cst.CSTNode) -> str:
    """Move over a dotted name; raises UnknownSyntax for anything else."""
    prefix = ""
    if isinstance(node, cst.Attribute):
        prefix = lower_dotted(statements, node.value) + "."
        statements.cursor.take(".")
        node = node.attr
    if not isinstance(node, cst.Name):
        raise UnknownSyntax(node, statements.cursor.place()[0])
    statements.cursor.take(node.value)
    return prefix + identifier(node.value)
