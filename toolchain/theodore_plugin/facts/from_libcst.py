"""Lower one source file to facts, through libcst: for a plugin's own code.

Its grammar does not depend on the interpreter that runs the check, and comments can be read from the same text.
Order matters: encoding, then nesting (the parser would end the process), then syntax. Whatever goes
wrong is a :class:`FactsFailure` value, never an exception, so one bad file cannot hide another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from theodore_plugin.facts.decoding import decode, line_count
from theodore_plugin.facts.guard import Nesting
from theodore_plugin.facts.model import FactsFailure, ModuleFacts
from theodore_plugin.facts.room import deep_recursion, without_collector
from theodore_plugin.facts.suppressions import with_comments
from theodore_plugin.project import SourceFile

if TYPE_CHECKING:
    import libcst as cst


def lower(file: SourceFile, *, comments: bool = True) -> ModuleFacts | FactsFailure:
    """Lower ``file``; a file that cannot be understood completely yields the reason instead.

    ``comments`` says whether they count: nobody may silence a rule from inside a dependency.
    """
    text = decode(file)
    if isinstance(text, FactsFailure):
        return text
    excess = Nesting(text).excess
    return FactsFailure(file.path, *excess) if excess else lower_text(file, text, comments=comments)


def lower_text(file: SourceFile, text: str, *, comments: bool) -> ModuleFacts | FactsFailure:
    """Lower a file whose text is known, and known not to nest too deeply for the parser.

    What libcst refuses is shown to the interpreter: some valid Python (``(x): int = 1``) is among it.
    """
    from theodore_plugin.facts import from_ast

    lowered = lower_unaided(file, text, comments=comments)
    if isinstance(lowered, FactsFailure):
        other = from_ast.lower_known(file, comments=comments)
        return other if isinstance(other, ModuleFacts) else lowered
    return lowered


def lower_unaided(file: SourceFile, text: str, *, comments: bool) -> ModuleFacts | FactsFailure:
    """Lower a text through libcst alone."""
    try:
        with without_collector(), deep_recursion():
            return _lower_text(file, text, comments)
    except RecursionError:
        return FactsFailure(file.path, "nested too deeply to analyse")


def _lower_text(file: SourceFile, text: str, comments: bool) -> ModuleFacts | FactsFailure:
    from theodore_plugin.facts.concrete.cursor import Cursor, PositionsLost
    from theodore_plugin.facts.concrete.expressions import UnknownSyntax
    from theodore_plugin.facts.concrete.statements import Statements
    from theodore_plugin.facts.literals import MalformedLiteral

    tree = _parsed(file, text)
    if isinstance(tree, FactsFailure):
        return tree
    cursor = Cursor(text)
    try:
        body = Statements(cursor).block(tree.body)
        cursor.finish()
    except MalformedLiteral as error:
        return FactsFailure(file.path, f"syntax error: {error}", cursor.place()[0])
    except (PositionsLost, UnknownSyntax) as error:
        return FactsFailure(file.path, str(error), error.line)
    facts = ModuleFacts(file.path, file.module, file.is_package, file.digest, body, (), (), line_count(text))
    return with_comments(facts, cursor.comments) if comments else facts


def _parsed(file: SourceFile, text: str) -> cst.Module | FactsFailure:
    import libcst as cst

    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        line, column = max(1, error.raw_line), max(1, error.raw_column + 1)
        reason = error.message.split("\n", 1)[0].strip()
        return FactsFailure(file.path, f"syntax error: {reason}", line, column)
    except cst.CSTValidationError as error:  # it parses, and makes no sense
        return FactsFailure(file.path, f"syntax error: {error}")
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what a panic in native code becomes; it has no public name
            raise
        return FactsFailure(file.path, f"the parser failed: {error}")
