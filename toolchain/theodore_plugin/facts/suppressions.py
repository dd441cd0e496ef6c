"""Comments that ask an analyser to look away, as written; whether they may is the engine's question."""

from __future__ import annotations

import re

from theodore_plugin.facts.model import Blanket, Suppression
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
