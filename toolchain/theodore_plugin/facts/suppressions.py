"""Comments that ask an analyser to look away, as written; whether they may is the engine's question."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from theodore_plugin.facts.model import Blanket, ModuleFacts, Suppression
from theodore_plugin.finding import Location

_OURS = re.compile(r"#\s*theodore:\s*ignore(?P<list>\[(?P<rules>[^\]]*)\])?(?P<rest>.*)", re.IGNORECASE)
_REASON = re.compile(r"""reason\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')""")
_UNTIL = re.compile(r"""until\s*=\s*["']?(?P<until>[^\s"',;]+)""")
_THEIRS = re.compile(r"#\s*(?P<text>nosec\b.*|noqa\b.*|type:\s*ignore\b.*|pragma:\s*allowlist\b.*)", re.IGNORECASE)


def read_comment(path: str, line: int, column: int, text: str, alone: bool) -> Suppression | Blanket | None:
    """Read one comment. ``alone`` says that it stands on a line of its own and so speaks about the next.

    What stands in the reason is prose: a date in it ends nothing.
    """
    location = Location(path, line, column + 1, line, column + 1 + len(text))
    ours = _OURS.search(text)
    if ours:
        rules = tuple(rule.strip() for rule in (ours["rules"] or "").split(",") if rule.strip())
        reason = _REASON.search(ours["rest"])
        until = _UNTIL.search(_without(ours["rest"], reason))
        given = (reason["double"] or reason["single"] or "").strip() if reason else ""
        return Suppression(location, rules, given or None, until["until"] if until else None, line + alone)
    theirs = _THEIRS.search(text)
    return Blanket(location, theirs["text"].strip()) if theirs else None


def _without(text: str, part: re.Match[str] | None) -> str:
    return f"{text[: part.start()]} {text[part.end() :]}" if part else text


Comment = tuple[int, int, str, bool]
"""Line from 1, column from 0, text, and whether it stands alone on its line."""


def with_comments(facts: ModuleFacts, comments: Iterable[Comment]) -> ModuleFacts:
    """Return the same facts with what these comments ask for."""
    listed = list(comments)
    below = _below_comments(line for line, _, _, is_alone in listed if is_alone)
    read = [_beyond(read_comment(facts.path, *comment), below) for comment in listed]
    suppressions = tuple(item for item in read if isinstance(item, Suppression))
    blankets = tuple(item for item in read if isinstance(item, Blanket))
    return msgspec.structs.replace(facts, suppressions=suppressions, blankets=blankets)


def _beyond(item: Suppression | Blanket | None, next_line: Mapping[int, int]) -> Suppression | Blanket | None:
    if not isinstance(item, Suppression) or item.line == item.location.line:
        return item
    return msgspec.structs.replace(item, line=next_line.get(item.line, item.line))


def _below_comments(alone: Iterable[int]) -> dict[int, int]:
    """Return for each line that is a comment the first line below that is none: what such a comment speaks about."""
    below: dict[int, int] = {}
    for line in sorted(alone, reverse=True):
        below[line] = below.get(line + 1, line + 1)
    return below


def find_comments(text: str) -> Iterator[Comment]:
    """Find the comments of a text that the interpreter has parsed."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            yield line, column, token.string, not token.line[:column].strip()
