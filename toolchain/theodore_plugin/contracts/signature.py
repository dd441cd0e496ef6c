"""Would every call made for a contract's signature be accepted by another one? Pure, and held against ``inspect``.

A method may add parameters that have defaults. It must not insert, drop, or rename a parameter that can be
passed by keyword, make an optional one required, or refuse a way of passing that the contract allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from theodore_plugin.contracts.model import ContractParameter
from theodore_plugin.facts import model as m

_POSITIONAL = frozenset({"positional", "positional-only"})
_UNKNOWN = "is not in the contract and has no default"
_BY_POSITION = frozenset({"positional_only", "positional_or_keyword"})


def signature_problems(own: Sequence[m.Parameter], wanted: Sequence[ContractParameter]) -> tuple[str, ...]:
    """Say every way in which calls made for ``wanted`` would not fit ``own``."""
    positional = [item for item in own if item.kind in _POSITIONAL]
    expected = [item for item in wanted if item.kind in _BY_POSITION]
    return tuple(
        dict.fromkeys(
            [
                *_by_position(own, positional, expected),
                *_surplus(own, positional, wanted, len(expected)),
                *_by_keyword(own, wanted, len(expected)),
                *_variadic(own, wanted),
            ]
        )
    )


def signature_problem(own: Sequence[m.Parameter], wanted: Sequence[ContractParameter]) -> str | None:
    """Say why calls made for ``wanted`` would not fit ``own``, or ``None``."""
    return "; ".join(signature_problems(own, wanted)) or None


def _has(own: Sequence[m.Parameter], kind: str) -> bool:
    return any(item.kind == kind for item in own)


def _by_position(
    own: Sequence[m.Parameter], positional: Sequence[m.Parameter], expected: Sequence[ContractParameter]
) -> Iterator[str]:
    for position, parameter in enumerate(expected):
        if position < len(positional):
            yield from _at_position(own, positional, expected, position)
        elif not _has(own, "*"):
            keyword = any(item.kind == "keyword" and item.name == parameter.name for item in own)
            how = "is keyword-only here, but the host passes it by position" if keyword else "is missing"
            yield f"parameter {parameter.name} {how}"
        elif parameter.kind == "positional_or_keyword":
            yield from _behind_rest(own, parameter)


def _at_position(
    own: Sequence[m.Parameter],
    positional: Sequence[m.Parameter],
    expected: Sequence[ContractParameter],
    position: int,
) -> Iterator[str]:
    found, wanted = positional[position], expected[position]
    if wanted.default and found.default is None:
        yield f"parameter {wanted.name} is optional in the contract and required here"
    if wanted.kind != "positional_or_keyword":
        return
    if found.name != wanted.name:
        elsewhere = any(item.name == wanted.name for item in positional)
        if elsewhere:
            yield f"parameters stand in another order than in the contract: {', '.join(item.name for item in expected)}"
        else:
            yield f"parameter {wanted.name} is called {found.name}, but the host may pass it by keyword"
    elif found.kind == "positional-only":
        yield f"parameter {wanted.name} is positional-only, but the host may pass it by keyword"


def _behind_rest(own: Sequence[m.Parameter], wanted: ContractParameter) -> Iterator[str]:
    """Ask for a place by keyword, too, for what ``*rest`` takes by position."""
    named = next((item for item in own if item.kind == "keyword" and item.name == wanted.name), None)
    if named is None and not _has(own, "**"):
        yield f"parameter {wanted.name} is missing: *{_rest(own)} takes it by position only"
    elif named is not None and named.default is None:
        yield f"parameter {wanted.name} is keyword-only here, but the host passes it by position"


def _rest(own: Sequence[m.Parameter]) -> str:
    return next(item.name for item in own if item.kind == "*")


def _surplus(
    own: Sequence[m.Parameter], positional: Sequence[m.Parameter], wanted: Sequence[ContractParameter], count: int
) -> Iterator[str]:
    required = {item.name for item in wanted if item.kind == "keyword_only" and not item.default}
    named = {item.name for item in wanted}
    for item in positional[count:]:
        by_keyword = item.name in required and item.kind == "positional"
        if item.default is None and not by_keyword:
            where = "is required at a place where the contract has none" if item.name in named else _UNKNOWN
            yield f"parameter {item.name} {where}"
    by_name = {item.name for item in wanted if item.kind in {"keyword_only", "positional_or_keyword"}}
    for item in own:
        if item.kind == "keyword" and item.default is None and item.name not in by_name:
            yield f"keyword parameter {item.name} {_UNKNOWN}"


def _by_keyword(own: Sequence[m.Parameter], wanted: Sequence[ContractParameter], taken: int) -> Iterator[str]:
    positional = [item for item in own if item.kind in _POSITIONAL]
    surplus = any(item.kind == "var_positional" for item in wanted)
    filled = {item.name for item in (positional if surplus else positional[:taken]) if item.kind == "positional"}
    usable = {item.name: item for item in own if item.kind in {"keyword", "positional"} and item.name not in filled}
    for parameter in wanted:
        if parameter.kind != "keyword_only":
            continue
        found = usable.get(parameter.name)
        if parameter.name in filled:
            yield f"parameter {parameter.name} stands where the host passes another one by position"
        elif found is None and not _has(own, "**"):
            yield f"keyword parameter {parameter.name} is missing"
        elif found is not None and parameter.default and found.default is None:
            yield f"parameter {parameter.name} is optional in the contract and required here"


def _variadic(own: Sequence[m.Parameter], wanted: Sequence[ContractParameter]) -> Iterator[str]:
    for parameter in wanted:
        if parameter.kind == "var_keyword" and not _has(own, "**"):
            yield f"it must accept **{parameter.name}"
        if parameter.kind == "var_positional" and not _has(own, "*"):
            yield f"it must accept *{parameter.name}"
