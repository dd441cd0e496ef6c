"""Comments that ask an analyser to look away, as written; whether they may is the engine's question."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator

import msgspec

from theodore_plugin.facts.model import Blanket, ModuleFacts, Suppression
from theodore_plugin.finding import Location

_OURS = re.compile(r"#\s*theodore:\s*ignore(?P<list>\[(?P<rules>[^\]]*)\])?(?P<rest>.*)", re.IGNORECASE)
_REASON = re.compile(r"""reason\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')""")
_UNTIL = re.compile(r"until\s*=\s*(?P<until>\S+)")
_THEIRS = re.compile(r"#\s*(?P<text>nosec\b.*|noqa\b.*|type:\s*ignore\b.*|pragma:\s*allowlist\b.*)", re.IGNORECASE)


def read_comment(path: str, line: int, column: int, text: str, alone: bool) -> Suppression | Blanket | None:
    """Read one comment. ``alone`` says that it stands on a line of its own and so speaks about the next."""
    location = Location(path, line, column + 1, line, column + 1 + len(text))
    ours = _OURS.search(text)
    if ours:
        rules = tuple(rule.strip() for rule in (ours["rules"] or "").split(",") if rule.strip())
        reason, until = _REASON.search(ours["rest"]), _UNTIL.search(ours["rest"])
        given = (reason["double"] or reason["single"] or "").strip() if reason else ""
        return Suppression(location, rules, given or None, until["until"] if until else None, line + alone)
    theirs = _THEIRS.search(text)
    return Blanket(location, theirs["text"].strip()) if theirs else None


Comment = tuple[int, int, str, bool]
"""Line from 1, column from 0, text, and whether it stands alone on its line."""


def with_comments(facts: ModuleFacts, comments: Iterable[Comment]) -> ModuleFacts:
    """Return the same facts with what these comments ask for."""
    read = [read_comment(facts.path, *comment) for comment in comments]
    suppressions = tuple(item for item in read if isinstance(item, Suppression))
    blankets = tuple(item for item in read if isinstance(item, Blanket))
    return msgspec.structs.replace(facts, suppressions=suppressions, blankets=blankets)


def find_comments(text: str) -> Iterator[Comment]:
    """Find the comments of a text that the interpreter has parsed."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            yield line, column, token.string, not token.line[:column].strip()
