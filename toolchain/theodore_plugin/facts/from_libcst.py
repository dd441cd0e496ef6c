"""Lower one source file to facts, through libcst.

Order matters: encoding, then nesting (the parser would end the process), then syntax. Whatever goes
wrong is a :class:`FactsFailure` value, never an exception, so one bad file cannot hide another.
"""

from __future__ import annotations

import codecs
import gc
import io
import sys
import tokenize
from collections.abc import Iterator
from contextlib import contextmanager

from theodore_plugin.facts.guard import MAX_CHAIN, too_deep
from theodore_plugin.facts.model import Blanket, FactsFailure, ModuleFacts, Suppression
from theodore_plugin.facts.suppressions import read_comment
from theodore_plugin.project import SourceFile

PLAIN_ENCODINGS = frozenset({"utf-8", "utf-8-sig", "ascii", "iso-8859-1"})
"""Others can make bytes mean something else than they look (``rot13``, ``unicode_escape``, ``utf-7``)."""
FRAMES_PER_LEVEL = 8
"""Python frames that rendering and lowering use per nesting level, measured 5, rounded up."""


def lower(file: SourceFile) -> ModuleFacts | FactsFailure:
    """Lower ``file``; a file that cannot be understood completely yields the reason instead."""
    text = _decode(file)
    if isinstance(text, FactsFailure):
        return text
    deep = too_deep(text)
    if deep:
        return FactsFailure(file.path, *deep)
    try:
        with _room():
            return _lower_text(file, text)
    except RecursionError:
        return FactsFailure(file.path, "nested too deeply to analyse")


def _lower_text(file: SourceFile, text: str) -> ModuleFacts | FactsFailure:
    import libcst as cst

    from theodore_plugin.facts.positions import Positions
    from theodore_plugin.facts.statements import Statements

    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        line, column = max(1, error.raw_line), max(1, error.raw_column + 1)
        reason = error.message.split("\n", 1)[0].strip()
        return FactsFailure(file.path, f"syntax error: {reason}", line, column)
    positions = Positions(module)
    body = Statements(positions.spans).block(module.body)
    suppressions, blankets = _comments(file.path, positions.comments)
    lines = text.count("\n") + 1
    return ModuleFacts(file.path, file.module, file.is_package, file.digest, body, suppressions, blankets, lines)


def _decode(file: SourceFile) -> str | FactsFailure:
    """Decode as the interpreter would (PEP 263), but only from encodings that mean what they look like."""
    if b"\0" in file.data:
        line = file.data.count(b"\n", 0, file.data.index(b"\0")) + 1
        return FactsFailure(file.path, "contains a null byte", line)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(file.data).readline)
        if codecs.lookup(encoding).name not in PLAIN_ENCODINGS | {codecs.lookup(name).name for name in PLAIN_ENCODINGS}:
            return FactsFailure(file.path, f"declares the encoding {encoding}; only UTF-8 and Latin-1 are analysed")
        return file.data.decode(encoding)
    except SyntaxError as error:
        return FactsFailure(file.path, str(error))
    except UnicodeDecodeError as error:
        line = file.data.count(b"\n", 0, error.start) + 1
        return FactsFailure(file.path, f"is not valid {error.encoding} (byte {error.start})", line)


def _comments(
    path: str, comments: list[tuple[int, int, str, bool]]
) -> tuple[tuple[Suppression, ...], tuple[Blanket, ...]]:
    read = [read_comment(path, *comment) for comment in comments]
    suppressions = tuple(item for item in read if isinstance(item, Suppression))
    return suppressions, tuple(item for item in read if isinstance(item, Blanket))


@contextmanager
def _room() -> Iterator[None]:
    """Allow the recursion that the guard admits, and keep the collector off a tree that is about to be dropped."""
    limit = sys.getrecursionlimit()
    collecting = gc.isenabled()
    sys.setrecursionlimit(max(limit, FRAMES_PER_LEVEL * MAX_CHAIN + 2_000))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()
