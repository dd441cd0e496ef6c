"""Runs inside the sandbox: detect-secrets' detectors over a folder of texts, positions out, never a value.

Usage: ``python -I secrets_driver.py REQUEST``. The request is JSON: ``folder``, and ``files``, a list of
``[name, keywords]``: whether the detector of telling names looks at the file as well. The answer on standard output is
JSON: for each file ``{"name": ..., "found": [[detector, line, start, end], ...]}``, lines from 1, columns from 0 in
characters, or ``{"name": ..., "error": ...}`` for a file that could not be looked at.

The detectors are used as they are and nothing around them: no configuration is read, ``pragma: allowlist secret`` is
a filter that is not there, and secrets are verified by asking their issuer only if a filter of that name is
configured, which it is not. This file imports nothing of ours, so that it can be run from anywhere.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

LEFT_OUT = frozenset({"Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector"})
"""Digests, identifiers and addresses: by far most of what these report in real projects is no secret."""
KEYWORDS = "KeywordDetector"
WINDOW = 4_000
"""Characters looked at at once: some of the patterns take time that grows with the square of a line's length."""
OVERLAP = 500
KEYWORD_LINE = 500
"""A line longer than this is data; telling names are looked for in lines that people write."""
SHORTEST = 16
"""A group of a pattern shorter than this is an issuer's prefix, not the secret."""


def main(request_file: str) -> None:
    """Answer one request."""
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    detectors = _detectors()
    answers = [
        _answer(Path(request["folder"]) / name, name, detectors, keywords) for name, keywords in request["files"]
    ]
    json.dump({"files": answers}, sys.stdout)


def _leave_out_requests() -> None:
    """Put an empty stand-in where the detectors import an HTTP library that only asking issuers would need.

    Importing the real one takes longer than searching a plugin.
    """
    stand_in: Any = ModuleType("requests")
    stand_in.exceptions = SimpleNamespace(RequestException=OSError)
    stand_in.Response = object
    sys.modules["requests"] = stand_in


def _detectors() -> dict[str, Any]:
    _leave_out_requests()
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.settings import get_settings

    settings = get_settings()
    settings.disable_filters(*settings.filters)
    if settings.filters:
        raise SystemExit(f"filters that cannot be switched off: {', '.join(settings.filters)}")
    by_type: dict[str, Any] = get_mapping_from_secret_type_to_class()
    classes = {detector.__name__: detector for detector in by_type.values()}
    return {name: detector() for name, detector in sorted(classes.items()) if name not in LEFT_OUT}


def _answer(path: Path, name: str, detectors: dict[str, Any], keywords: bool) -> dict[str, Any]:
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
        return {"name": name, "found": sorted(_found(lines, name, detectors, keywords))}
    except Exception as problem:  # one file that cannot be looked at is that file's loss
        return {"name": name, "error": f"{type(problem).__name__}: {problem}"[:200]}


def _found(lines: list[str], name: str, detectors: dict[str, Any], keywords: bool) -> set[tuple[str, int, int, int]]:
    found: set[tuple[str, int, int, int]] = set()
    for number, line in enumerate(lines, start=1):
        for offset, window in _windows(line):
            for label, detector in detectors.items():
                if label != KEYWORDS or (keywords and len(line) <= KEYWORD_LINE):
                    for start, end in _places(detector, name, window, number):
                        found.add((label, number, offset + start, offset + end))
    return found


def _windows(line: str) -> Iterator[tuple[int, str]]:
    if not line.strip():
        return
    for offset in range(0, max(1, len(line) - OVERLAP), WINDOW - OVERLAP):
        yield offset, line[offset : offset + WINDOW]


def _places(detector: Any, name: str, text: str, number: int) -> Iterator[tuple[int, int]]:
    """Yield where a detector finds something; the patterns say where, the detector whether it stands by it."""
    secrets = detector.analyze_line(filename=name, line=text, line_number=number)
    if not secrets:
        return
    patterns = getattr(detector, "denylist", None)
    if patterns is None:
        for secret in secrets:
            start = text.find(secret.secret_value)
            if start >= 0:
                yield start, start + len(secret.secret_value)
        return
    values = {secret.secret_value for secret in secrets}
    for pattern in patterns:
        for match in pattern.finditer(text):
            if values.intersection([match.group(), *match.groups()]):
                yield _span(match)


def _span(match: Any) -> tuple[int, int]:
    """Return the longest group if it can be a secret, else the whole match."""
    spans = [match.span(index) for index in range(1, (match.re.groups or 0) + 1) if match.group(index)]
    longest = max(spans, key=lambda span: span[1] - span[0], default=(0, 0))
    return longest if longest[1] - longest[0] >= SHORTEST else match.span()


if __name__ == "__main__":
    main(sys.argv[1])
