"""Lower one source file to facts, through the interpreter's own parser: for dependencies, many times faster.

The facts are those of :mod:`theodore_plugin.facts.from_libcst` (``tests/differential`` holds them together) but for
comments: nobody may silence a rule from inside a dependency, so none are read and none are reported.
Syntax newer than this interpreter is left to libcst.
"""

from __future__ import annotations

import ast
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from theodore_plugin.facts import from_libcst
from theodore_plugin.facts.abstract.expressions import UnknownSyntax
from theodore_plugin.facts.abstract.source import Source, columns_in_characters
from theodore_plugin.facts.abstract.statements import Statements
from theodore_plugin.facts.decoding import decode
from theodore_plugin.facts.literals import MalformedLiteral
from theodore_plugin.facts.model import FactsFailure, ModuleFacts
from theodore_plugin.facts.room import deep_recursion, without_collector
from theodore_plugin.facts.suppressions import find_comments, with_comments
from theodore_plugin.project import SourceFile


def lower(file: SourceFile) -> ModuleFacts | FactsFailure:
    """Lower ``file`` without its comments; a file that cannot be understood completely yields the reason instead."""
    lowered = lower_known(file)
    return from_libcst.lower(file, comments=False) if lowered is None else lowered


def lower_known(file: SourceFile, *, comments: bool = False) -> ModuleFacts | FactsFailure | None:
    """Lower ``file`` unless its syntax is unknown to this interpreter: then return ``None``."""
    text = decode(file)
    if isinstance(text, FactsFailure):
        return text
    source = Source(text)
    try:
        with without_collector(), _quietly():
            facts = _lower_source(file, source)
        return with_comments(facts, find_comments(source.text)) if comments else facts
    except (SyntaxError, MalformedLiteral, tokenize.TokenError):
        return None
    except UnknownSyntax as error:
        return FactsFailure(file.path, str(error), error.line)
    except RecursionError:
        return FactsFailure(file.path, "nested too deeply to analyse")
    except MemoryError:  # also the parser's word for a stack that is full
        return FactsFailure(file.path, "nested too deeply to analyse, or too large for the memory there is")


def _lower_source(file: SourceFile, source: Source) -> ModuleFacts:
    # the parser bounds its own recursion by the limit in force: deeper trees would exhaust the native stack
    tree = ast.parse(source.text)
    if not source.text.isascii():
        columns_in_characters(tree, source.lines)
    with deep_recursion():
        body = Statements(source).block(tree.body)
    return ModuleFacts(file.path, file.module, file.is_package, file.digest, body, (), (), source.text.count("\n") + 1)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the parser's warnings of invalid escapes to itself: they are the author's business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
