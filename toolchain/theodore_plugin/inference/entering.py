"""Entering own code: calls of functions, methods and classes, and callbacks that are handed to foreign code."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from theodore_plugin.facts import model as m
from theodore_plugin.inference.classes import attribute, lineage
from theodore_plugin.inference.containers import ANY, at, everything, position_key, store
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.scopes import Unit
from theodore_plugin.inference.values import (
    NOTHING,
    PLAIN,
    Bound,
    Container,
    Foreign,
    Instance,
    OwnClass,
    OwnFunction,
    Partial,
    Value,
    Values,
    called,
    ordered,
)

Named = Sequence[tuple[str | None, Values]]
"""Arguments: a keyword, ``"*"``, ``"**"`` or ``None`` for a positional one, and what is passed."""

TELLING = frozenset({"builtins.bytearray.fromhex", "builtins.bytes.fromhex", "builtins.chr"})
"""Builtins that make readable text of numbers: what becomes of it is asked by rules."""


def result_of(frame: Frame, path: str) -> Values:
    """Return what calling a foreign name gives.

    A result that leads nowhere stays what it was made by: ``zlib.decompress().decode()`` is still
    ``zlib.decompress()``, and what a builtin gives is plain. Longer paths would only multiply, and say nothing new.
    """
    result = called(path)
    if result is None or frame.solver.leads_on(result.key):
        return NOTHING if result is None else frozenset({result})
    origin = _first_dead_end(frame, result.key)
    plain = origin.startswith("builtins.") and origin.partition("()")[0] not in TELLING
    return frozenset({PLAIN if plain else Foreign(origin)})


def _first_dead_end(frame: Frame, path: str) -> str:
    """Return the first call in a path whose result leads nowhere: a client's answer is not the client again."""
    end = path.index("()") + 2
    while end < len(path) and frame.solver.leads_on(path[:end]):
        end = path.index("()", end) + 2
    return path[:end]


def call_values(frame: Frame, callees: Values, arguments: Sequence[Values], span: m.Span) -> Values:
    """Call values with positional arguments where no call expression exists (decorators, callbacks)."""
    named = [(None, values) for values in arguments]
    result: Values = NOTHING
    for callee in ordered(callees):
        if type(callee) is Foreign:
            hand_over(frame if runs(callee.key) else frame.handing_over(), arguments, span)
            result |= result_of(frame, callee.key)
        else:
            result |= enter(frame, callee, named, span)
    return result


def enter(frame: Frame, callee: Value, arguments: Named, span: m.Span) -> Values:
    """Call a value of the analysed code and return what it gives."""
    if isinstance(callee, OwnFunction):
        return _enter_unit(frame, callee.key, arguments, span)
    if isinstance(callee, Bound):
        unit = frame.solver.units[callee.key]
        own: Values = frozenset({OwnClass(callee.owner) if unit.kind == "class" else Instance(callee.owner)})
        return _enter_unit(frame, callee.key, [(None, own), *arguments], span)
    if isinstance(callee, OwnClass):
        return construct(frame, callee.key, arguments, span)
    result: Values = NOTHING
    if isinstance(callee, (Instance, Partial)):
        for value, given in _behind(frame, callee, arguments):
            result |= enter(frame, value, given, span)
    return result


def _behind(frame: Frame, callee: Instance | Partial, arguments: Named) -> Iterator[tuple[Value, Named]]:
    """Iterate over what calling an object or a partial comes down to, each once: they may lead back to themselves."""
    pending: list[tuple[Value, Named]] = [(callee, arguments)]
    seen: set[Value] = set()
    while pending:
        value, given = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        if isinstance(value, Instance):
            found = attribute(frame, value.key, "__call__", through_class=False)
            pending += [(item, given) for item in ordered(found) if type(item) is not Foreign]
        elif isinstance(value, Partial):
            stored = _stored(frame, value)
            pending += [(item, [*stored, *given]) for item in ordered(frame.read(("partial", value.key)))]
        else:
            yield value, given


def call_method(frame: Frame, key: str, name: str, arguments: Named, span: m.Span) -> Values:
    """Call a method of an object of an own class by name, as operators and protocols do."""
    result: Values = NOTHING
    for value in ordered(attribute(frame, key, name, through_class=False)):
        if type(value) is not Foreign:
            result |= enter(frame, value, arguments, span)
    return result


def construct(frame: Frame, key: str, arguments: Named, span: m.Span) -> Values:
    """Make an object: its initialisers run, those of foreign bases are recorded by name."""
    made: Values = frozenset({Instance(key)})
    for name in ("__new__", "__init__", "__post_init__"):
        for value in ordered(attribute(frame, key, name, through_class=False)):
            if isinstance(value, Bound):
                enter(frame, value, arguments if name != "__post_init__" else (), span)
            elif type(value) is Foreign and name == "__init__":
                frame.solver.record.initialised.setdefault(frame.unit.name, {})[value.key] = frame.location(span)
    for meta in ordered(frame.read(("metaclass", key))):
        if isinstance(meta, OwnClass):
            made |= call_method(frame, meta.key, "__call__", arguments, span)
    for base in lineage(frame, key)[1]:
        frame.refer(base, span)
    return made


def partial(frame: Frame, place: str, callees: Values, arguments: Named) -> Values:
    """Make a ``functools.partial``."""
    frame.write(("partial", place), callees)
    for position, (keyword, values) in enumerate(arguments):
        frame.write(("partial", place, keyword or position_key(position)), values)
    frame.solver.partials[place] = tuple(keyword for keyword, _ in arguments)
    return frozenset({Partial(place)})


def _stored(frame: Frame, callee: Partial) -> list[tuple[str | None, Values]]:
    return [
        (keyword, frame.read(("partial", callee.key, keyword or position_key(position))))
        for position, keyword in enumerate(frame.solver.partials[callee.key])
    ]


_RUNS = frozenset({OwnFunction, Bound, OwnClass, Partial})
"""Values that foreign code may call."""


def runs(callee: str) -> bool:
    """Whether something outside is taken to call the functions it is given: the standard library does, mostly.

    Libraries keep them for later: commands, hooks and routes are registered that way, most of all by decorators.
    """
    return callee.partition(".")[0] in _STANDARD


_STANDARD = sys.stdlib_module_names | {"builtins"}


def hand_over(frame: Frame, arguments: Iterable[Values], span: m.Span) -> None:
    """Note that foreign code may call a function and read any attribute of a module it is given."""
    for values in arguments:
        if values:
            _may_run(frame, values, span)
            inside = everything(frame, values)
            if inside:
                _may_run(frame, inside, span)


def _may_run(frame: Frame, values: Values, span: m.Span) -> None:
    frame.let_go(values, span)
    for value in ordered([value for value in values if type(value) in _RUNS]):
        if isinstance(value, OwnClass):
            construct(frame, value.key, (), span)
        elif isinstance(value, Partial):
            enter(frame, value, (), span)
        else:
            frame.edge(value.key, span)


def _enter_unit(frame: Frame, name: str, arguments: Named, span: m.Span) -> Values:
    unit = frame.solver.units[name]
    frame.edge(name, span)
    _pass(frame, unit, arguments)
    found = frame.read(("return", name))
    if not unit.is_generator:
        return found
    place = f"generator:{name}"
    store(frame, place, ANY, frame.read(("yield", name)))
    return found | {Container(place)}


def _pass(frame: Frame, unit: Unit, arguments: Named) -> None:
    """Bind arguments to parameters; starred arguments reach every parameter they might."""
    positional = unit.positional
    position = 0
    for keyword, values in arguments:
        if keyword is None:
            if position < len(positional):
                frame.solver.write_name((unit.scope.key, positional[position]), values)
            elif unit.rest is not None:
                _collect(frame, unit, unit.rest, position_key(position - len(positional)), values)
            position += 1
        elif keyword == "*" or keyword == "**":
            _spread(frame, unit, keyword, values, position)
        elif keyword in unit.named:
            frame.solver.write_name((unit.scope.key, keyword), values)
        elif unit.keywords is not None:
            _collect(frame, unit, unit.keywords, keyword, values)


def _collect(frame: Frame, unit: Unit, parameter: str, key: str, values: Values) -> None:
    place = f"rest:{unit.name}:{parameter}"
    store(frame, place, key, values)
    frame.write((unit.scope.key, parameter), frozenset({Container(place)}))


def _spread(frame: Frame, unit: Unit, keyword: str, values: Values, position: int) -> None:
    for value in ordered(values):
        if not isinstance(value, Container):
            continue
        every = frame.read(("all", value.key))
        for rest in (unit.rest, unit.keywords):
            if rest is not None:
                _collect(frame, unit, rest, ANY, every)
        if keyword == "**":
            for name in sorted(unit.named):
                frame.solver.write_name((unit.scope.key, name), at(frame, value, (name,)))
        else:
            for index, name in enumerate(unit.positional[position:]):
                frame.solver.write_name((unit.scope.key, name), at(frame, value, (position_key(index),)))


def entered(frame: Frame, managers: Values, span: m.Span) -> Values:
    """Return what ``with`` binds: a foreign manager is taken to give itself, an own one its ``__enter__``."""
    result: Values = NOTHING
    for manager in ordered(managers):
        if isinstance(manager, Instance):
            for name in ("__enter__", "__aenter__"):
                result |= call_method(frame, manager.key, name, (), span)
            for name in ("__exit__", "__aexit__"):
                call_method(frame, manager.key, name, (), span)
        elif isinstance(manager, Container):
            result |= frame.read(("all", manager.key))  # a generator function under contextlib.contextmanager
        else:
            result |= {manager}
    return result


def iterated(frame: Frame, values: Values, span: m.Span) -> Values:
    """Return what iterating over values may yield; iterating over foreign results yields more of the same."""
    found: Values = NOTHING
    for value in ordered(values):
        if type(value) is Container:
            found |= frame.read(("all", value.key))
        elif type(value) is Foreign:
            found |= {value}
        elif isinstance(value, Instance):
            found |= _iterated_object(frame, value, span)
    return found


def _iterated_object(frame: Frame, value: Instance, span: m.Span) -> Values:
    found: Values = NOTHING
    for start, following in (("__iter__", "__next__"), ("__aiter__", "__anext__")):
        for iterator in ordered(call_method(frame, value.key, start, (), span)):
            if isinstance(iterator, Instance):
                found |= call_method(frame, iterator.key, following, (), span)
            elif isinstance(iterator, Container):
                found |= frame.read(("all", iterator.key))
            elif isinstance(iterator, Foreign):
                found |= {iterator}
    return found or call_method(frame, value.key, "__getitem__", (), span)
