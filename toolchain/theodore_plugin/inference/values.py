"""Abstract values: what an expression may stand for at run time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

HOLE = "{*}"
MAX_TEXTS = 8
MAX_TEXT = 2_000
MAX_CALLS_IN_PATH = 3
"""``a().b().c().d()`` is followed no further: longer chains on foreign results explode and say nothing new."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something outside the plugin by its access path; ``()`` marks the result of a call."""

    path: str


@dataclass(frozen=True, slots=True)
class OwnFunction:
    """A function of the plugin, by its unit."""

    unit: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A method of the plugin bound to an object of class ``owner``."""

    unit: str
    owner: str


@dataclass(frozen=True, slots=True)
class OwnClass:
    """A class of the plugin."""

    key: str


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of the plugin."""

    key: str


@dataclass(frozen=True, slots=True)
class Parent:
    """``super()`` inside class ``key``."""

    key: str


@dataclass(frozen=True, slots=True)
class OwnModule:
    """A module or package of the plugin."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string, or a path object made of one; holes are ``{*}``."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Container:
    """A list, tuple, set or dict, by the place that makes it."""

    site: str


Value = Foreign | OwnFunction | Bound | OwnClass | Instance | Parent | OwnModule | Text | Container
Values = frozenset[Value]
NOTHING: Values = frozenset()


def texts(values: Values) -> tuple[str, ...]:
    """Return the strings among ``values``, sorted."""
    return tuple(sorted(value.pattern for value in values if isinstance(value, Text)))


def joined(parts: list[tuple[str, ...]], separator: str = "") -> Values:
    """Every concatenation of one string per part; an unknown part is a hole."""
    options = [part or (HOLE,) for part in parts]
    count = 1
    for option in options:
        count *= len(option)
    if count > MAX_TEXTS:
        options = [option if len(option) == 1 else (HOLE,) for option in options]
    return frozenset(Text(_squeeze(separator.join(choice))) for choice in product(*options))


def _squeeze(text: str) -> str:
    while HOLE + HOLE in text:
        text = text.replace(HOLE + HOLE, HOLE)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + HOLE


def called(path: str) -> Foreign | None:
    """Return the result of calling a foreign path, or ``None`` beyond the bound."""
    return Foreign(f"{path}()") if path.count("()") < MAX_CALLS_IN_PATH else None
