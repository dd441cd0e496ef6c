"""The comparison of signatures against the interpreter itself: no call is refused that was said to fit.

Both signatures are drawn; every call the contract allows (each positional-or-keyword parameter passed either way,
optional ones passed or not, surplus ones where it is variadic) is made to a function with the other signature.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product

from hypothesis import example, given, settings
from hypothesis import strategies as st

from theodore_plugin.contracts.model import ContractParameter
from theodore_plugin.contracts.signature import signature_problem
from theodore_plugin.facts import model as m

P = inspect.Parameter
OF_CONTRACT = {
    P.POSITIONAL_ONLY: "positional_only",
    P.POSITIONAL_OR_KEYWORD: "positional_or_keyword",
    P.VAR_POSITIONAL: "var_positional",
    P.KEYWORD_ONLY: "keyword_only",
    P.VAR_KEYWORD: "var_keyword",
}
OF_FACTS = {
    P.POSITIONAL_ONLY: "positional-only",
    P.POSITIONAL_OR_KEYWORD: "positional",
    P.VAR_POSITIONAL: "*",
    P.KEYWORD_ONLY: "keyword",
    P.VAR_KEYWORD: "**",
}
SPAN = m.Span(1, 0, 1, 0)
SURPLUS = 5


@st.composite
def signatures(draw: st.DrawFn) -> inspect.Signature:
    """Draw a valid signature of up to four named parameters."""
    names = draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4))
    kinds = sorted(
        draw(
            st.lists(
                st.sampled_from([P.POSITIONAL_ONLY, P.POSITIONAL_OR_KEYWORD, P.KEYWORD_ONLY]),
                min_size=len(names),
                max_size=len(names),
            )
        )
    )
    parameters, optional = [], False
    for name, kind in zip(names, kinds, strict=True):
        default = draw(st.booleans())
        optional = (optional or default) if kind is not P.KEYWORD_ONLY else default
        parameters.append(P(name, kind, default=0 if optional else P.empty))
    if draw(st.booleans()):
        parameters.append(P("args", P.VAR_POSITIONAL))
    if draw(st.booleans()):
        parameters.append(P("kwargs", P.VAR_KEYWORD))
    return inspect.Signature(sorted(parameters, key=lambda item: item.kind))


def calls(signature: inspect.Signature) -> Iterator[tuple[tuple[int, ...], dict[str, int]]]:
    """Every way of calling that a signature allows, with no surplus arguments or more than any other has room for."""
    parameters = list(signature.parameters.values())
    ways = [ways_of(parameter) for parameter in parameters]
    for chosen in product(*ways):
        positional: list[int] = []
        keywords: dict[str, int] = {}
        for parameter, way in zip(parameters, chosen, strict=True):
            if way == "position":
                positional += [0] * (SURPLUS if parameter.kind is P.VAR_POSITIONAL else 1)
            elif way == "keyword":
                keywords[parameter.name if parameter.kind is not P.VAR_KEYWORD else "surplus"] = 0
        if accepts(signature, tuple(positional), keywords) and in_order(parameters, chosen):
            yield tuple(positional), keywords


def ways_of(parameter: inspect.Parameter) -> tuple[str, ...]:
    if parameter.kind is P.VAR_POSITIONAL:
        return ("", "position")
    if parameter.kind is P.VAR_KEYWORD:
        return ("", "keyword")
    by_position = ("position",) if parameter.kind is not P.KEYWORD_ONLY else ()
    by_keyword = ("keyword",) if parameter.kind is not P.POSITIONAL_ONLY else ()
    return (*by_position, *by_keyword, *(("",) if parameter.default is not P.empty else ()))


def in_order(parameters: list[inspect.Parameter], chosen: tuple[str, ...]) -> bool:
    """Whether each value passed by position reaches the parameter it was meant for."""
    pairs = zip(parameters, chosen, strict=True)
    taken = [way == "position" for item, way in pairs if item.kind not in (P.KEYWORD_ONLY, P.VAR_KEYWORD)]
    return taken == sorted(taken, reverse=True)


@cache
def function_of(text: str) -> Callable[..., dict[str, object]]:
    """Make the function itself: ``inspect`` binds wrongly where ``**`` takes a positional-only name (before 3.13)."""
    return eval(f"lambda {text.strip('()')}: locals()")


def bound(signature: inspect.Signature, positional: Iterable[object], keywords: dict[str, object]) -> dict[str, object]:
    return function_of(str(signature))(*positional, **keywords)


def accepts(signature: inspect.Signature, positional: tuple[int, ...], keywords: dict[str, int]) -> bool:
    try:
        bound(signature, positional, dict(keywords))
    except TypeError:
        return False
    return True


def wanted(signature: inspect.Signature) -> tuple[ContractParameter, ...]:
    return tuple(
        ContractParameter(item.name, OF_CONTRACT[item.kind], item.default is not P.empty, None)
        for item in signature.parameters.values()
    )


def own(signature: inspect.Signature) -> tuple[m.Parameter, ...]:
    return tuple(
        m.Parameter(
            item.name,
            OF_FACTS[item.kind],
            None if item.default is P.empty else m.Constant(0, SPAN),
            None,
            SPAN,
        )
        for item in signature.parameters.values()
    )


def signature_of(text: str) -> inspect.Signature:
    return inspect.signature(eval(f"lambda {text}: None"))


@settings(max_examples=200, deadline=None)
@given(signatures(), signatures())
@example(signature_of("a"), signature_of("b"))
@example(signature_of("a, *, b"), signature_of("a, b"))
@example(signature_of("*, b"), signature_of("b, a=1"))
@example(signature_of("a=1"), signature_of("a, /, **kw"))
def test_what_is_said_to_fit_takes_every_call(contract: inspect.Signature, implementation: inspect.Signature) -> None:
    if signature_problem(own(implementation), wanted(contract)) is None:
        for positional, keywords in calls(contract):
            assert accepts(implementation, positional, keywords), (positional, keywords)


@settings(max_examples=200, deadline=None)
@given(signatures(), signatures())
@example(signature_of("a, b"), signature_of("*args, **kwargs"))
@example(signature_of("*, b"), signature_of("b"))
def test_what_is_said_not_to_fit_refuses_a_call_or_confuses_two_parameters(
    contract: inspect.Signature, implementation: inspect.Signature
) -> None:
    if signature_problem(own(implementation), wanted(contract)) is not None:
        refused = any(not accepts(implementation, *call) for call in calls(contract))
        assert refused or confuses(contract, implementation)


def confuses(contract: inspect.Signature, implementation: inspect.Signature) -> bool:
    """Whether a value reaches a parameter of another name, or another parameter when passed another way."""
    reached: dict[str, set[str | None]] = {}
    for positional, keywords in calls(contract):
        arguments: tuple[range, dict[str, object]] = range(1, len(positional) + 1), {name: name for name in keywords}
        theirs, mine = (bound(signature, *arguments) for signature in (contract, implementation))
        for name, value in theirs.items():
            if contract.parameters[name].kind in (P.VAR_POSITIONAL, P.VAR_KEYWORD) or value == 0:
                continue
            if name in implementation.parameters and mine.get(name, value) != value:
                return True
            reached.setdefault(name, set()).add(next((key for key, held in mine.items() if held == value), None))
    return any(len(places) > 1 for places in reached.values())


@given(signatures())
def test_a_signature_fits_itself(signature: inspect.Signature) -> None:
    assert signature_problem(own(signature), wanted(signature)) is None


@given(signatures())
def test_taking_everything_fits_every_contract(contract: inspect.Signature) -> None:
    assert signature_problem(own(signature_of("*args, **kwargs")), wanted(contract)) is None
