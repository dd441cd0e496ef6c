"""Builtins that go through items, and those that call, wrap or pass on what they are given."""

from __future__ import annotations

from collections.abc import Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.inference.containers import ANY, everything, gathered, position_key, site, store
from theodore_plugin.inference.entering import call_method, call_values, hand_over, iterated, partial
from theodore_plugin.inference.frame import Frame, Handler
from theodore_plugin.inference.values import NOTHING, Container, Foreign, Instance, OwnModule, Values, ordered


def _same(_frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    return arguments[0] if arguments else None


def _iter(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) > 1:  # iter(callable, sentinel)
        place = site(frame, node)
        store(frame, place, ANY, call_values(frame, arguments[0], [], node.span))
        return frozenset({Container(place)})
    return _collected(frame, node, arguments)


def _collected(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    """Collect what iterating over the first argument gives; containers stay themselves and keep their keys."""
    if not arguments:
        return frozenset({Container(site(frame, node))})
    own = [value for value in arguments[0] if isinstance(value, Instance)]
    if not own:
        return arguments[0]
    place = site(frame, node)
    store(frame, place, ANY, iterated(frame, frozenset(own), node.span))
    return arguments[0] - frozenset(own) | {Container(place)}


def _sorted(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    for argument, values in zip(node.arguments, arguments, strict=True):
        if argument.keyword == "key":
            call_values(frame, values, [iterated(frame, arguments[0], node.span)], node.span)
    return gathered(frame, site(frame, node), arguments[0]) if arguments else None


def _chosen(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    """``min`` and ``max``: one of the items."""
    items = _sorted(frame, node, arguments)
    return NOTHING if items is None else everything(frame, items) | frozenset().union(*arguments)


def _map(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if not arguments:
        return None
    place = site(frame, node)
    for position, functions in enumerate(arguments):  # the function comes first, and is called wherever it stands
        inputs = [iterated(frame, values, node.span) for index, values in enumerate(arguments) if index != position]
        store(frame, place, ANY, call_values(frame, _callable(functions), inputs, node.span))
    return frozenset({Container(place)})


def _callable(values: Values) -> Values:
    return frozenset(value for value in values if not isinstance(value, (Container, OwnModule)))


def _filter(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) != 2:
        return None
    call_values(frame, arguments[0], [iterated(frame, arguments[1], node.span)], node.span)
    return gathered(frame, site(frame, node), arguments[1])


def _reduce(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) < 2:
        return None
    items = iterated(frame, arguments[1], node.span).union(*arguments[2:])
    place = f"{site(frame, node)}:reduced"
    known = frame.read(("all", place))
    found = call_values(frame, arguments[0], [items | known, items], node.span)
    store(frame, place, ANY, found)
    return found | items


def _next(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if not arguments:
        return None
    found = everything(frame, arguments[0])
    for value in ordered(arguments[0]):
        if isinstance(value, Instance):
            found |= call_method(frame, value.key, "__next__", (), node.span)
        elif type(value) is Foreign:
            found |= {value}
    return found.union(*arguments[1:])


def _enumerate(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    return _tuples(frame, node, [NOTHING, *arguments[:1]])


def _tuples(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    """``zip``: tuples of one item of each."""
    place = site(frame, node)
    for position, values in enumerate(arguments):
        store(frame, f"{place}:item", position_key(position), iterated(frame, values, node.span))
    store(frame, place, ANY, frozenset({Container(f"{place}:item")}))
    return frozenset({Container(place)})


def _dict(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    place = site(frame, node)
    for argument, values in zip(node.arguments, arguments, strict=True):
        if argument.keyword not in {None, "*", "**"}:
            store(frame, place, str(argument.keyword), values)
            continue
        frame.let_go(values, node.span)
        for pair in ordered(everything(frame, values)):  # of pairs, or the values of another dict
            inside = everything(frame, frozenset({pair}))
            store(frame, place, ANY, inside if isinstance(pair, Container) and inside else frozenset({pair}))
    return frozenset({Container(place)})


def _partial(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if not arguments:
        return None
    hand_over(frame, arguments[1:], node.span)
    foreign = frozenset(value for value in arguments[0] if type(value) is Foreign)
    own = arguments[0] - foreign
    if not own:
        return foreign
    keywords = [argument.keyword for argument in node.arguments[1:]]
    return foreign | partial(frame, site(frame, node), own, list(zip(keywords, arguments[1:], strict=True)))


FUNCTIONS: Mapping[str, Handler] = {
    "builtins.iter": _iter,
    "builtins.aiter": _iter,
    "builtins.next": _next,
    "builtins.anext": _next,
    "builtins.list": _collected,
    "builtins.tuple": _collected,
    "builtins.set": _collected,
    "builtins.frozenset": _collected,
    "builtins.reversed": _collected,
    "builtins.sorted": _sorted,
    "builtins.min": _chosen,
    "builtins.max": _chosen,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _tuples,
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "collections.deque": _collected,
    "builtins.classmethod": _same,
    "builtins.staticmethod": _same,
    "copy.copy": _same,
    "copy.deepcopy": _same,
    "functools.partial": _partial,
    "functools.partialmethod": _partial,
    "functools.reduce": _reduce,
}
