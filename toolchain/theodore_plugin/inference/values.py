"""Abstract values: what an expression may stand for at run time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import product

import msgspec

HOLE = "{*}"
MAX_TEXTS = 8
MAX_TEXT = 2_000
MAX_PATH = 300
MAX_CALLS_IN_PATH = 3
"""``a().b().c().d()`` is followed no further: longer chains on foreign results explode and say nothing new."""


class Value(msgspec.Struct, frozen=True, order=True):
    """Something a variable may hold. ``key`` says which one; the class says what it is."""

    key: str


class Foreign(Value, frozen=True):
    """Something outside the analysed code by its access path; ``()`` marks the result of a call."""

    @property
    def path(self) -> str:
        """The access path: ``httpx.AsyncClient().get``."""
        return self.key


class OwnFunction(Value, frozen=True):
    """A function of the analysed code, by its unit."""

    @property
    def unit(self) -> str:
        """The unit that is its body."""
        return self.key


class Bound(Value, frozen=True):
    """A method of the analysed code, by its unit, bound to an object of class ``owner`` (or to the class itself)."""

    owner: str

    @property
    def unit(self) -> str:
        """The unit that is its body."""
        return self.key


class OwnClass(Value, frozen=True):
    """A class of the analysed code."""


class Instance(Value, frozen=True):
    """An object of a class of the analysed code."""


class Parent(Value, frozen=True):
    """``super()`` in a method of class ``key``, for an object of class ``owner``."""

    owner: str


class OwnModule(Value, frozen=True):
    """A module or package of the analysed code."""

    @property
    def name(self) -> str:
        """Its dotted name."""
        return self.key


class Text(Value, frozen=True):
    """A string, or a path object made of one; holes are ``{*}``."""

    @property
    def pattern(self) -> str:
        """The string with its holes."""
        return self.key


class Container(Value, frozen=True):
    """A list, tuple, set, dict or generator, by the place that makes it."""

    @property
    def site(self) -> str:
        """The place that makes it."""
        return self.key


class Partial(Value, frozen=True):
    """``functools.partial`` of something, by the place that makes it."""


Values = frozenset[Value]
NOTHING: Values = frozenset()
PLAIN = Foreign("builtins.object()")
"""Some object of no interest: a number, a flag, the result of a library function that leads nowhere."""
_RANKS = {kind: rank for rank, kind in enumerate(Value.__subclasses__())}


def ordered(values: Collection[Value]) -> Collection[Value]:
    """Values in an order that does not depend on the hash seed."""
    return values if len(values) < 2 else sorted(values, key=_rank)


def _rank(value: Value) -> tuple[int, str, str]:
    return (_RANKS[type(value)], value.key, value.owner if isinstance(value, (Bound, Parent)) else "")


def texts(values: Iterable[Value]) -> tuple[str, ...]:
    """Return the strings among ``values``, sorted."""
    found = [value.key for value in values if type(value) is Text]
    return tuple(found) if len(found) < 2 else tuple(sorted(found))


def joined(parts: Sequence[tuple[str, ...]], separator: str = "") -> Values:
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
    return Foreign(f"{path}()") if path.count("()") < MAX_CALLS_IN_PATH and len(path) < MAX_PATH else None
