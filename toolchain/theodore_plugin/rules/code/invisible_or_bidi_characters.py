"""Characters that make source read differently from how it runs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
INVISIBLE = "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u180e\u115f\u1160\u3164\uffa0"
_SUSPECT = re.compile(f"[{BIDI}{INVISIBLE}\ufe00-\ufe0f\U000e0000-\U000e01ef]")
_WORD = re.compile(r"[^\W\d]\w*")
_JOINERS = "\u200d\ufe0f"
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
MAX_FINDINGS = 20
"""Per file; a file full of them does not need more to be rejected."""

RULE = Rule(
    name="invisible-or-bidi-characters",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="Zero-width characters, bidirectional controls, or a word mixing look-alike alphabets.",
    why="What a reviewer sees is not what the interpreter runs (CVE-2021-42574).",
    remedy="Remove the character, or write it as an escape in a string.",
    bad=(
        Example("limit = 1  # \u202e tnuocca eht \u2066\n", "a bidirectional override"),
        Example("p\u0430yload = 1\n", "a Cyrillic letter in a Latin word"),
    ),
    good=(
        Example("greeting = 'na\u00efve \u4f60\u597d'\n", "letters of other languages"),
        Example("label = '\\u202e'\n", "an escape is visible"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Scan every file's text, analysed or not."""
    for file in context.project.files:
        if file.data.isascii():
            continue
        text = file.data.decode("utf-8-sig", "replace")
        findings = [*_characters(file.path, text), *_mixed_words(file.path, text)]
        yield from findings[:MAX_FINDINGS]


def _characters(path: str, text: str) -> Iterator[Finding]:
    for match in _SUSPECT.finditer(text):
        if match.group() in _JOINERS and _follows_symbol(text, match.start()):
            continue  # part of an emoji
        name = unicodedata.name(match.group(), "unassigned")
        code = f"U+{ord(match.group()):04X}"
        yield report(RULE, _location(path, text, match.start()), f"{code} {name} hides what the source says")


def _follows_symbol(text: str, position: int) -> bool:
    return position > 0 and unicodedata.category(text[position - 1]) in {"So", "Sk", "Mn"}


def _mixed_words(path: str, text: str) -> Iterator[Finding]:
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii():
            continue
        scripts = {
            script for character in word for script in _SCRIPTS if unicodedata.name(character, "").startswith(script)
        }
        if len(scripts) > 1:
            mixture = " and ".join(sorted(script.lower() for script in scripts))
            codes = " ".join(f"U+{ord(character):04X}" for character in word if not character.isascii())
            yield report(RULE, _location(path, text, match.start()), f"a word mixes {mixture} letters ({codes})")


def _location(path: str, text: str, position: int) -> Location:
    line = text.count("\n", 0, position) + 1
    return Location(path, line, position - text.rfind("\n", 0, position))
