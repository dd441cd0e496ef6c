"""A small, dull subset of YAML 1.2: block and flow mappings and lists of text, numbers, true, false and null.

ruamel.yaml's parser delivers events with positions; the values are built here. Anchors, aliases, tags, several
documents and duplicate keys are refused: a policy has to mean the same to every reader, and a file from a stranger
must not grow when read. Limits: ``schema.MAX_BYTES``, :data:`MAX_DEPTH`, :data:`MAX_NODES`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from theodore_loader.policy.problems import PolicyProblems, Problem
from theodore_loader.policy.schema import MAX_BYTES

MAX_DEPTH = 16
MAX_NODES = 20_000

Path = tuple[str | int, ...]
Position = tuple[int, int]

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,2})?", re.ASCII)
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(slots=True)
class Document:
    """A parsed file: its value, and where each value and each key of a mapping stands."""

    value: Any = None
    values: dict[Path, Position] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)

    def position(self, path: Path, *, key: bool = False) -> Position:
        """Return the position of a value (or its key), or of the nearest parent that has one."""
        if key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (1, 1))


def read_yaml(data: bytes, label: str) -> Document:
    """Parse a policy file; raises :class:`PolicyProblems`. All duplicate keys are listed, other defects stop."""
    text = _decode(data, label)
    builder = _Builder(_events(text, label), label)
    document = builder.build()
    if builder.problems:
        raise PolicyProblems(label, builder.problems)
    return document


def _decode(data: bytes, label: str) -> str:
    if len(data) > MAX_BYTES:
        raise PolicyProblems(label, [Problem(1, 1, f"larger than {MAX_BYTES:,} bytes", "a policy is a few pages")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - before.rfind(b"\n")
        problem = Problem(before.count(b"\n") + 1, column, "not UTF-8 text", "save the file as UTF-8")
        raise PolicyProblems(label, [problem]) from None
    return text


def _events(text: str, label: str) -> Iterator[Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise PolicyProblems(label, [Problem(line, column, _syntax(error), _syntax_help(text, line))]) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"the character U+{ord(text[error.position]):04X} may not stand in YAML"
        raise PolicyProblems(label, [Problem(line, 1, message, "remove it")]) from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise PolicyProblems(label, [Problem(1, 1, f"not YAML: {error}", "")]) from None


def _syntax(error: Any) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return "not YAML: " + " ".join(" ".join(str(part).split()) for part in parts)


def _syntax_help(text: str, line: int) -> str:
    lines = text.splitlines()
    if 0 < line <= len(lines) and "\t" in lines[line - 1]:
        return "indent with spaces, YAML forbids tabs"
    return ""


class _Builder:
    """Builds values from parser events, depth first."""

    def __init__(self, events: Iterator[Any], label: str) -> None:
        self.events = events
        self.label = label
        self.document = Document()
        self.problems: list[Problem] = []
        self.nodes = 0

    def build(self) -> Document:
        documents = 0
        for event in self.events:
            name = type(event).__name__
            if name == "DocumentStartEvent":
                documents += 1
                self._check_document(event, documents)
            elif name in ("MappingStartEvent", "SequenceStartEvent", "ScalarEvent", "AliasEvent"):
                self.document.value = self._value(event, ())
        if not documents:
            raise PolicyProblems(self.label, [Problem(1, 1, "the file is empty", "begin with `schema: 1`")])
        return self.document

    def _check_document(self, event: Any, number: int) -> None:
        if number > 1:
            self._refuse(event, "a second document", "one policy, one file")
        if event.version not in (None, (1, 2)):
            self._refuse(event, "a YAML version other than 1.2", "leave the %YAML line out")

    def _value(self, event: Any, path: Path) -> Any:
        self._check(event, path)
        self.document.values[path] = _position(event)
        match type(event).__name__:
            case "MappingStartEvent":
                return self._mapping(path)
            case "SequenceStartEvent":
                return self._sequence(path)
            case _:
                return _scalar(event)

    def _check(self, event: Any, path: Path) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            self._refuse(event, f"more than {MAX_NODES:,} values or {MAX_DEPTH} levels", "a policy is a few pages")
        if type(event).__name__ == "AliasEvent" or event.anchor is not None:
            self._refuse(event, "anchors and aliases are not accepted", "write the value out")
        if event.ctag is not None and str(event.ctag) not in ("", "!"):
            self._refuse(event, f"the tag {event.ctag} is not accepted", "write plain values")

    def _mapping(self, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            key = self._key(event, path)
            here = (*path, key)
            if key in result:
                line = self.document.keys[here][0]
                self.problems.append(
                    Problem(*_position(event), f"the key {key!r} stands here a second time", f"first on line {line}")
                )
            self.document.keys.setdefault(here, _position(event))
            result[key] = self._value(next(self.events), here)
        return result

    def _key(self, event: Any, path: Path) -> str:
        self._check(event, path)
        if type(event).__name__ != "ScalarEvent":
            self._refuse(event, "a key has to be text", "write `key: value`")
        return str(event.value)

    def _sequence(self, path: Path) -> list[Any]:
        result: list[Any] = []
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            result.append(self._value(event, (*path, len(result))))
        return result

    def _refuse(self, event: Any, message: str, remedy: str) -> None:
        raise PolicyProblems(self.label, [*self.problems, Problem(*_position(event), message, remedy)])


def _position(event: Any) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _scalar(event: Any) -> Any:
    """Resolve a scalar by YAML 1.2's core schema, without octal, hexadecimal, infinity and NaN."""
    text = str(event.value)
    if event.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
