"""What mypy says, read: messages in JSON lines, and a file it writes at its end.

mypy says nothing at all about a clean project, and so does a program that never ran; what tells them apart is the
JUnit file, which mypy writes after the last message.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from theodore_plugin.distributions.model import Unreadable
from theodore_plugin.distributions.reading import MIB, read_regular
from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.scanners.hermetic import ToolRun
from theodore_plugin.scanners.mypy_copy import TypedCopy

ERRORS = frozenset({"override", "abstract"})
"""Codes that block: the plugin breaks the contract of the class it extends. All others are warnings, because
they judge the plugin's inside; a policy can raise them."""
RETURN_TYPE = "Return type "
"""How an ``override`` about the result begins; it warns, because an annotation is what an author says."""

Message = Mapping[str, Any]
_WANTED = {"file", "line", "column", "message", "severity"}
_END = b"</testsuite>"


def read_answer(run: ToolRun, end: Path) -> list[Message] | None:
    """Return mypy's messages, or ``None`` if it crashed, stopped early or printed something else.

    ``end`` is the JUnit file. An ending that contradicts the messages is not mypy's. Notes alone end like errors:
    counting notes, mypy looks for how they read in its text output.
    """
    if not run.finished(0, 1) or not reached_its_end(end):
        return None
    messages = json_lines(run.completed.stdout)
    if messages is None:
        return None
    if run.completed.returncode == 1:
        return messages or None
    found = any(message["severity"] == "error" for message in messages)
    return None if found else messages


def reached_its_end(end: Path) -> bool:
    """Return whether mypy wrote its JUnit file, whole."""
    try:
        return read_regular(end, 64 * MIB).rstrip().endswith(_END)
    except Unreadable:
        return False


def json_lines(stdout: bytes) -> list[Message] | None:
    """Read one message a line; ``None`` if a line is none."""
    messages: list[Message] = []
    for line in stdout.decode("utf-8", "replace").splitlines():
        message = _message(line)
        if message is None:
            return None
        messages.append(message)
    return messages


def _message(line: str) -> Message | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not message.keys() >= _WANTED:
        return None
    numbers = isinstance(message["line"], int) and isinstance(message["column"], int)
    return message if numbers and isinstance(message["file"], str) else None


def findings(copy: TypedCopy, messages: Sequence[Message]) -> Iterator[Finding]:
    """Turn the errors about the plugin's own files into findings."""
    for message in messages:
        path = copy.project_path(message["file"])
        if path is not None and message["severity"] == "error":
            yield _finding(path, message)


def _finding(path: str, message: Message) -> Finding:
    code = str(message.get("code") or "misc")
    blocks = code in ERRORS and not str(message["message"]).startswith(RETURN_TYPE)
    return Finding(
        rule=f"mypy/{code}",
        severity=Severity.ERROR if blocks else Severity.WARNING,
        confidence=Confidence.HIGH if blocks else Confidence.MEDIUM,
        location=_location(path, message),
        message=str(message["message"]),
        help=_hint(message.get("hint")),
        source="mypy",
    )


def _hint(hint: object) -> str | None:
    """Return the first line of mypy's note; the rest lists every overload of a library."""
    return str(hint).splitlines()[0] if hint else None


def _location(path: str, message: Message) -> Location:
    line, column = max(1, message["line"]), max(1, message["column"] + 1)
    end_line, end_column = message.get("end_line"), message.get("end_column")
    if not isinstance(end_line, int) or not isinstance(end_column, int) or end_line < line:
        return Location(path, line, column)
    return Location(path, line, column, end_line, end_column + 1)
