"""Where in a tool's JSON something stands: ``results[*].location.row``.

Grammar: keys joined by dots (``"quoted"`` if they hold anything but letters, digits, ``_`` and ``-``), ``[3]`` for an
element, ``[*]`` for all of them (in ``list`` only), ``$`` alone for the whole; ``^.`` first leads to the object that
surrounds the list of the results (ESLint's file, say, around its messages).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PART = re.compile(r'(?P<key>[A-Za-z_][A-Za-z0-9_-]*)|"(?P<quoted>[^"]+)"|\[(?:(?P<index>[0-9]{1,4})|(?P<all>\*))\]')
ALL = "*"
"""Stands for every element; no key of a path is this, because keys are marked by their type."""


class NotThere(LookupError):
    """The path leads to nothing."""


@dataclass(frozen=True, slots=True)
class Key:
    """A member of an object."""

    name: str


Part = Key | int | str


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A parsed path. ``from_around`` says that it begins at the surrounding object."""

    parts: tuple[Part, ...]
    from_around: bool = False

    @classmethod
    def parse(cls, text: str) -> JsonPath:
        """Parse what the schema of definitions accepts."""
        from_around = text.startswith("^.")
        return cls(tuple(map(_part, _PART.finditer("" if text == "$" else text))), from_around)

    def value(self, item: Item) -> object:
        """Return what stands there; raise :class:`NotThere`."""
        value = item.around if self.from_around else item.value
        for part in self.parts:
            value = _step(value, part)
        return value

    def items(self, document: object) -> Iterator[Item]:
        """Yield every element of the list that the path leads to; raise :class:`NotThere` if it is no list."""
        parts = self.parts if self.parts and self.parts[-1] == ALL else (*self.parts, ALL)
        yield from _items(document, parts, None)


@dataclass(frozen=True, slots=True)
class Item:
    """One result, and the object that surrounds the list it is in."""

    value: object
    around: object = None


def _part(match: re.Match[str]) -> Part:
    if match["all"]:
        return ALL
    return int(match["index"]) if match["index"] else Key(match["key"] or match["quoted"])


def _step(value: object, part: Part) -> object:
    if isinstance(part, Key) and isinstance(value, dict) and part.name in value:
        return value[part.name]
    if isinstance(part, int) and isinstance(value, list) and part < len(value):
        return value[part]
    raise NotThere(f"no {_said(part)} there")


def _items(value: object, parts: tuple[Part, ...], around: object) -> Iterator[Item]:
    for index, part in enumerate(parts):
        if part != ALL:
            value = _step(value, part)
            continue
        if not isinstance(value, list):
            raise NotThere("no list there")
        rest = parts[index + 1 :]
        for element in value:
            if rest:
                yield from _items(element, rest, element)
            else:
                yield Item(element, around)
        return


def _said(part: Part) -> str:
    return f"key {part.name!r}" if isinstance(part, Key) else f"element {part}"
