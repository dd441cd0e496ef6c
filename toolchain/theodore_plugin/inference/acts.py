"""Acts: every use of a foreign name that has an effect, with the target its arguments say, read off a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Location, Step
from theodore_plugin.inference.capabilities import Effect
from theodore_plugin.inference.containers import position_key
from theodore_plugin.inference.record import SeenCall
from theodore_plugin.inference.solver import Solver
from theodore_plugin.inference.targets import is_own_package, pattern, patterns
from theodore_plugin.inference.values import HOLE, Container, Values, texts

_READ_MODES = frozenset("rbtU")
_DYNAMIC_MODULE = "module"
_ADDRESSES = frozenset({"program", "address", "bind"})


@dataclass(frozen=True, slots=True)
class Act:
    """One use of a foreign name."""

    unit: str
    symbol: str
    location: Location
    effect: Effect
    targets: tuple[str | None, ...]
    called: bool

    @property
    def step(self) -> Step:
        """The last step of its evidence."""
        return Step(f"{'calls' if self.called else 'holds'} {self.symbol}", self.location)


def acts(solver: Solver) -> Iterator[Act]:
    """Iterate over all acts a solved set of modules contains."""
    yield from _called(solver)
    yield from _held(solver)
    yield from _constructed(solver)


def _called(solver: Solver) -> Iterator[Act]:
    for call in solver.record.calls.values():
        for symbol in call.callees:
            for effect in solver.map.of_call(symbol):
                found = _target_texts(solver, effect, call)
                if _applies(effect, found) and (not effect.given or _may_be_given(effect, call)):
                    chosen = _by_mode(effect, call)
                    if not (found and all(is_own_package(chosen, text) for text in found)):
                        location = call.node.span.at(call.module.path)
                        yield Act(call.unit, symbol, location, chosen, _targets(chosen, found), True)


def _applies(effect: Effect, found: tuple[str, ...]) -> bool:
    if effect.target == _DYNAMIC_MODULE and found and not any(HOLE in text for text in found):
        return False  # a constant import is resolved like an import statement
    return effect.applies(found) is not False


def _held(solver: Solver) -> Iterator[Act]:
    for reference in solver.record.references.values():
        for effect in solver.map.held(reference.symbol):
            acted = bool(reference.item) and effect.target is not None
            found = tuple(dict.fromkeys(pattern(effect, text) for text in reference.item)) if acted else ()
            targets = found or _targets(effect, ())
            yield Act(reference.unit, reference.symbol, reference.location, effect, targets, acted)


def _constructed(solver: Solver) -> Iterator[Act]:
    """Objects of own classes run the initialisers of the foreign classes they descend from."""
    for unit, made in solver.record.initialised.items():
        for symbol, location in made.items():
            for effect in solver.map.of_call(symbol):
                yield Act(unit, symbol, location, effect, _targets(effect, ()), True)


def _by_mode(effect: Effect, call: SeenCall) -> Effect:
    """``open`` reads unless its mode says otherwise; a mode that is not constant counts as writing."""
    if effect.modes is None:
        return effect
    index = _argument_index(call, *effect.modes)
    if index is None:
        return effect
    modes = texts(call.arguments[index])
    reads = bool(modes) and all(set(mode.partition(":")[0].partition("|")[0]) <= _READ_MODES for mode in modes)
    return effect if reads else replace(effect, access="write")


def _target_texts(solver: Solver, effect: Effect, call: SeenCall) -> tuple[str, ...]:
    if effect.receiver:
        return texts(call.receiver)
    index = _argument_index(call, effect.position, effect.keyword)
    if index is None:
        return ()
    return _strings(solver, effect, call.arguments[index], call.node.arguments[index].value)


def _strings(solver: Solver, effect: Effect, values: Values, node: m.Expr) -> tuple[str, ...]:
    """Strings of an argument: itself, the first word of an argv, or ``host:port`` of an address tuple."""
    found = texts(values)
    if effect.target not in _ADDRESSES:
        return found
    for value in values:
        if isinstance(value, Container):
            first = texts(solver.read(("item", value.key, position_key(0))))
            port = _constant_port(node)
            options = first or (("",) if effect.target == "bind" else ())
            found += tuple(f"{text}:{port}" if port else text for text in options)
    return found


def _targets(effect: Effect, found: tuple[str, ...]) -> tuple[str | None, ...]:
    if effect.target is not None and effect.target.startswith("="):
        return (effect.target[1:],)
    return patterns(effect, found)


def _argument_index(call: SeenCall, position: int | None, keyword: str | None) -> int | None:
    for index, argument in enumerate(call.node.arguments):
        if keyword is not None and argument.keyword == keyword:
            return index
        if argument.keyword is None and index == position:
            return index
    return None


def _may_be_given(effect: Effect, call: SeenCall) -> bool:
    """Whether the argument an effect hangs on is passed, or may be among starred ones."""
    starred = any(argument.keyword in {"*", "**"} for argument in call.node.arguments)
    return starred or _argument_index(call, effect.position, effect.keyword) is not None


def _constant_port(node: m.Expr) -> int | None:
    if isinstance(node, m.Sequence) and len(node.items) > 1:
        port = node.items[1]
        if isinstance(port, m.Constant) and isinstance(port.value, int):
            return port.value
    return None
