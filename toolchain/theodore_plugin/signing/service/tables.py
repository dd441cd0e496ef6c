"""Typed access to the tables of the service's configuration; every problem is noted with its line."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from theodore_loader.trust.toml_lines import Lines


class Problems:
    """What is wrong with one file, by line."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.found: list[tuple[int, str]] = []

    def add(self, line: int, message: str) -> None:
        """Note one problem."""
        self.found.append((line, message))


class Table:
    """One table. Every accessor notes what is wrong and returns the default, or an empty value, in its place."""

    def __init__(self, problems: Problems, section: str, index: int, values: Mapping[str, Any]) -> None:
        self._problems = problems
        self._section = section
        self._index = index
        self._values = values
        self._known: set[str] = set()

    def problem(self, key: str, message: str) -> None:
        """Note a problem at ``key``."""
        self._problems.add(self._problems.lines.key(self._section, self._index, key), message)

    def has(self, key: str) -> bool:
        """Tell whether the key is given."""
        self._known.add(key)
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        """Return a printable text; one without a default has to be given."""
        value = self._get(key, default)
        if value is None:
            self.problem(key, f"{key} is missing")
            return ""
        if not isinstance(value, str) or not value or not value.isprintable():
            self.problem(key, f"{key} is a text that can be printed")
            return ""
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Return true or false."""
        value = self._get(key, default)
        if isinstance(value, bool):
            return value
        self.problem(key, f"{key} is true or false")
        return default

    def number(self, key: str, default: int, low: int, high: int) -> int:
        """Return a whole number in a range."""
        value = self._get(key, default)
        if type(value) is int and low <= value <= high:
            return value
        self.problem(key, f"{key} is a whole number from {low:,} to {high:,}")
        return default

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of printable texts, at least one where the key is given."""
        value = self._get(key, list(default))
        good = isinstance(value, list) and all(isinstance(one, str) and one.isprintable() and one for one in value)
        if not good or (not value and key in self._values):
            self.problem(key, f"{key} is a list of texts, at least one")
            return default
        return tuple(value)

    def mapping(self, key: str) -> dict[str, str]:
        """Return a table of printable texts."""
        value = self._get(key, {})
        if isinstance(value, dict) and all(
            isinstance(one, str) and one and one.isprintable() for one in value.values()
        ):
            return value
        self.problem(key, f'{key} is {{ name = "text" }}')
        return {}

    def finish(self) -> None:
        """Note the keys nobody asked for."""
        for key in self._values.keys() - self._known:
            self.problem(key, f"unknown key {key!r}{nearest(key, self._known)}")

    def _get(self, key: str, default: Any) -> Any:
        self._known.add(key)
        return self._values.get(key, default)


def nearest(word: str, known: Collection[str]) -> str:
    """Return ``; did you mean …?`` where one of ``known`` is close to ``word``."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""
