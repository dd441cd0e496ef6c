"""A finding's fingerprint: the same defect keeps it while lines move, so baselines and code hosts recognise it.

It is made of the rule, the path, the qualified name the finding is about, the text of the lines it points at
(white space apart), and its number among findings that agree in all of these. Where the report has no text for the
place (``pyproject.toml``, a lock), the message stands in for it: two advisories on one line are two defects.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from theodore_plugin.finding import Finding

FORM = "theodoreFinding/v1"
"""Name of this way of making fingerprints: the key under SARIF's ``partialFingerprints``."""
MAX_LINES = 8
"""How much of a long place counts: enough for a call over several lines, not the body of a class."""

_LINE_END = re.compile(r"\r\n|\r|\n")
"""As the interpreter counts lines; a form feed or U+2028 ends none."""

_Texts: TypeAlias = "dict[str, list[str]]"


def fingerprints(findings: Sequence[Finding], sources: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return 32 hexadecimal digits for each finding, in the order given.

    ``sources`` are the bytes of files by the path findings name (:attr:`Report.sources`). Findings that agree in
    everything are numbered in report order, so the answer does not depend on the order they come in.
    """
    texts = {path: _lines(sources[path]) for path in {finding.location.path for finding in findings} if path in sources}
    keys = [_key(finding, texts) for finding in findings]
    seen: Counter[str] = Counter()
    made = [""] * len(findings)
    for index in sorted(range(len(findings)), key=lambda index: findings[index].sort_key):
        key = keys[index]
        made[index] = hashlib.sha256(f"{FORM}\n{key}\n{seen[key]}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[key] += 1
    return tuple(made)


def _key(finding: Finding, texts: _Texts) -> str:
    place = finding.location
    return json.dumps([finding.rule, place.path, finding.subject or "", _said(finding, texts)])


def _said(finding: Finding, texts: _Texts) -> str:
    place = finding.location
    lines = texts.get(place.path, [])[place.line - 1 : max(place.line, place.end_line or 0)]
    text = " ".join(" ".join(lines[:MAX_LINES]).split())
    return text or finding.message


def _lines(data: bytes) -> list[str]:
    return _LINE_END.split(data.decode("utf-8", "replace"))
