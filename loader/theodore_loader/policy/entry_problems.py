"""What the schema cannot say about exceptions and tests: days that exist, and one question each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from theodore_loader.permissions import PatternError, Permission
from theodore_loader.policy.problems import Problem
from theodore_loader.policy.yaml_reader import Document, Path

QUESTIONS = ("permission", "limit", "finding", "package")
"""A test asks exactly one of these."""
_ANSWERS = {
    "permission": ("allowed", "refused"),
    "package": ("allowed", "refused"),
    "finding": ("error", "warning", "notice", "off", "excepted"),
}
_ONLY_FOR = {"value": "limit", "severity": "finding", "path": "finding", "subject": "finding", "on": "finding"}


def entry_problems(document: Document) -> Iterator[Problem]:
    """Yield the problems of every exception and test that has the right shape otherwise."""
    if not isinstance(document.value, dict):
        return
    for index, entry in _mappings(document.value.get("exceptions")):
        yield from _exception(entry, ("exceptions", index), document)
    for index, entry in _mappings(document.value.get("tests")):
        yield from _test(entry, ("tests", index), document)


def _mappings(entries: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield index, entry


def _exception(entry: dict[str, Any], path: Path, document: Document) -> Iterator[Problem]:
    if ("plugin" in entry) == ("sha256" in entry):
        place = document.position(path)
        yield Problem(*place, "an exception is for one plugin", "give either `plugin: NAME` or `sha256: DIGEST`")
    yield from _day(entry, "until", path, document)


def _test(entry: dict[str, Any], path: Path, document: Document) -> Iterator[Problem]:
    asked = [name for name in QUESTIONS if name in entry]
    if len(asked) != 1:
        place = document.position(path)
        yield Problem(*place, "a test asks one question", f"give one of {', '.join(QUESTIONS)}")
        return
    yield from _answer(entry, asked[0], path, document)
    for name, owner in _ONLY_FOR.items():
        if name in entry and owner not in entry:
            yield Problem(*document.position((*path, name), key=True), f"{name} goes with {owner}", "")
    if "permission" in entry and isinstance(entry["permission"], str):
        yield from _permission(entry["permission"], (*path, "permission"), document)
    yield from _day(entry, "on", path, document)


def _answer(entry: dict[str, Any], asked: str, path: Path, document: Document) -> Iterator[Problem]:
    answer = entry.get("expect")
    place = document.position((*path, "expect"))
    if asked == "limit":
        if "value" not in entry:
            yield Problem(*document.position(path), "a test of a limit says what is declared", "add `value: NUMBER`")
        if isinstance(answer, str):
            yield Problem(*place, f"{answer!r} is no limit", "write what is granted, as a number")
    elif answer not in _ANSWERS[asked] and isinstance(answer, str | int | float):
        yield Problem(*place, f"{asked} has no answer {answer!r}", f"one of {', '.join(_ANSWERS[asked])}")


def _permission(text: str, path: Path, document: Document) -> Iterator[Problem]:
    try:
        Permission.from_text(text)
    except PatternError as error:
        yield Problem(*document.position(path), str(error), "write a type and a pattern: network api.example.com:443")


def _day(entry: dict[str, Any], name: str, path: Path, document: Document) -> Iterator[Problem]:
    text = entry.get(name)
    try:
        if isinstance(text, str) and len(text) == len("2027-03-01"):
            date.fromisoformat(text)
    except ValueError:
        yield Problem(*document.position((*path, name)), f"{text} is no day", "write it as 2027-03-01")
