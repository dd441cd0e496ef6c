"""Lists, tuples, sets, dicts and generators: one abstract container per place that makes it, read by constant key."""

from __future__ import annotations

from theodore_plugin.facts import model as m
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.values import HOLE, NOTHING, Container, Foreign, Values, ordered, texts

ANY = "*"
"""The key of what may lie under every key."""


MAX_SLICED = 16
"""Positions of a slice that are told apart."""


def site(frame: Frame, node: m.Expr | m.For) -> str:
    """Name the place that makes a container."""
    return f"{frame.module.path}:{node.span.line}:{node.span.column}:{type(node).__name__}"


def position_key(position: int) -> str:
    """Return the key of a position; it differs from that of the same number as text."""
    return f"#{position}"


def store(frame: Frame, place: str, key: str, values: Values) -> None:
    """Put values into a container under a key."""
    frame.write(("item", place, key), values)
    frame.write(("all", place), values)


def everything(frame: Frame, values: Values) -> Values:
    """Return all that the containers among ``values`` hold."""
    found: Values = NOTHING
    for value in values:
        if type(value) is Container:
            found |= frame.read(("all", value.key))
    return found


def keys_of(index: Values, node: m.Expr | None = None) -> tuple[str, ...]:
    """Return the constant keys an index stands for; nothing when it is not constant."""
    if isinstance(node, m.Constant) and isinstance(node.value, int):
        return (position_key(node.value),)
    found = tuple(value for value in texts(index) if HOLE not in value)
    return found if len(found) == len(texts(index)) else ()


def at(frame: Frame, container: Container, keys: tuple[str, ...]) -> Values:
    """Read a container: the items under constant keys, or everything."""
    if not keys:
        return frame.read(("all", container.key))
    found = frame.read(("item", container.key, ANY))
    for key in keys:
        found |= frame.read(("item", container.key, key))
    return found


def part(frame: Frame, values: Values, position: int) -> Values:
    """Return what unpacking gives at ``position``; unpacking foreign results yields more of the same."""
    found: Values = NOTHING
    for value in values:
        if type(value) is Container:
            found |= at(frame, value, (position_key(position),))
        elif type(value) is Foreign:
            found |= {value}
    return found


def sliced(frame: Frame, place: str, container: Container, index: m.Opaque) -> Values:
    """Make a container of a slice: shifted where both bounds are constants, of everything otherwise."""
    bounds = _constant_bounds(index)
    if bounds is None:
        return gathered(frame, place, frozenset({container}))
    for position in range(*bounds):
        found = at(frame, container, (position_key(position),))
        if found:
            store(frame, place, position_key(position - bounds[0]), found)
    return frozenset({Container(place)})


def _constant_bounds(index: m.Opaque) -> tuple[int, int] | None:
    """Return the bounds of ``[a:b]``; what could also be ``[a::b]`` has two characters between them."""
    if index.kind != "Slice" or len(index.children) != 2:
        return None
    start, stop = index.children
    if not (isinstance(start, m.Constant) and isinstance(stop, m.Constant)):
        return None
    if not (isinstance(start.value, int) and isinstance(stop.value, int)):
        return None
    is_plain = stop.span.column - start.span.end_column == 1 and 0 <= start.value < stop.value <= MAX_SLICED
    return (start.value, stop.value) if is_plain else None


def gathered(frame: Frame, place: str, values: Values) -> Values:
    """Make a container of everything in others (``list(x)``, a slice), or of foreign things they are made of."""
    for value in ordered(values):
        if type(value) is Container:
            store(frame, place, ANY, frame.read(("all", value.key)))
        elif type(value) is Foreign:
            store(frame, place, ANY, frozenset({value}))
    return frozenset({Container(place)})
