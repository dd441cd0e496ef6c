"""What pip-audit printed, read as what a stranger says: which packages it audited, and which it only passed over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from theodore_plugin.coverage import Covered, State
from theodore_plugin.scanners.hermetic import ToolRun
from theodore_plugin.scanners.pins import Pin

_UNREAD = ("Unsupported OSV schema version", "is missing 'affected' list")
"""What its log says when it leaves an advisory out."""

_REACH = ("ConnectionError", "Could not connect", "ServiceError", "Max retries exceeded", "HTTPError", "Timeout")
"""What its last words contain when the service, not the tool, is at fault."""


@dataclass(frozen=True, slots=True)
class Reported:
    """One vulnerability as pip-audit reports it."""

    id: str
    aliases: tuple[str, ...]
    description: str
    fixed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said about one package; ``skipped`` is the reason it gave for not auditing it."""

    version: str
    vulnerabilities: tuple[Reported, ...] = ()
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said, by canonical name; a lock may have several versions of one package."""

    by_name: Mapping[str, tuple[Answer, ...]]

    def about(self, pin: Pin) -> Answer | None:
        """Return the answer for the pin: the one for its version, else whatever was said under its name."""
        known = self.by_name.get(pin.name, ())
        return next((answer for answer in known if answer.version == pin.version), known[0] if known else None)

    def and_those(self, others: Answers) -> Answers:
        """Return both."""
        names = {*self.by_name, *others.by_name}
        return Answers({name: self.by_name.get(name, ()) + others.by_name.get(name, ()) for name in names})


NO_ANSWERS = Answers({})


def read_answers(run: ToolRun) -> Answers | None:
    """Return the answers, or ``None`` if this is no report we can read as a whole."""
    if not run.finished(0, 1):
        return None
    try:
        entries = json.loads(run.completed.stdout)["dependencies"]
        return Answers({canonicalize_name(_text(entry["name"])): (_answer(entry),) for entry in entries})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def account(pins: Iterable[Pin], answers: Answers) -> Iterator[Covered]:
    """Say of every pin whether it was audited."""
    for pin in pins:
        answer = answers.about(pin)
        if answer is None:
            yield Covered(str(pin), State.FAILED, "pip-audit did not mention it")
        elif answer.skipped is not None:
            yield Covered(str(pin), State.FAILED, answer.skipped or "skipped without a reason")
        elif answer.version != pin.version:
            yield Covered(str(pin), State.FAILED, f"pip-audit answered for version {answer.version}")
        else:
            yield Covered(str(pin))


def passed_over(run: ToolRun) -> tuple[str, ...]:
    """Return why pip-audit left advisories out; it says so only in its log."""
    log = run.completed.stderr.decode("utf-8", "replace")
    return tuple(sign for sign in _UNREAD if sign in log)


def unreachable(run: ToolRun) -> str | None:
    """Return the innermost network error (``: Connection refused``) if the service is why there is no report."""
    said = run.completed.stderr.decode("utf-8", "replace").strip()
    if not any(sign in said for sign in _REACH):
        return None
    found = re.search(r"""Caused by .*?\): (?P<reason>.+?)["']\)+$""", said)
    return f": {short(found['reason'])}" if found else ""


def short(text: str) -> str:
    """Return the text on one line, cut at 200 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:199]}…"


def _answer(entry: Mapping[str, Any]) -> Answer:
    if "skip_reason" in entry:
        return Answer("", skipped=str(entry["skip_reason"]))
    return Answer(_text(entry["version"]), tuple(_reported(found) for found in _list(entry["vulns"])))


def _reported(found: Mapping[str, Any]) -> Reported:
    return Reported(
        id=_text(found["id"]),
        aliases=tuple(_text(name) for name in _list(found.get("aliases", []))),
        description=str(found.get("description", "")),
        fixed=tuple(_text(version) for version in _list(found.get("fix_versions", []))),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value
