"""Facts as bytes: what comes back is what was stored, and nothing else comes back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.facts import from_ast
from theodore_plugin.facts.model import Constant, ExprStatement, ModuleFacts, Span
from theodore_plugin.facts.storage import DamagedFacts, decode, encode
from theodore_plugin.project import SourceFile

SPAN = Span(1, 0, 1, 1)


def module(value: object) -> ModuleFacts:
    return ModuleFacts("a.py", "a", False, "0", (ExprStatement(Constant(value, SPAN), SPAN),), (), (), 1)


CONSTANTS = st.one_of(
    st.integers(),
    st.integers(min_value=2**63 - 2, max_value=2**64 + 2),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(alphabet=st.characters()),
    st.text(alphabet=st.characters(categories=["Cs"])),
    st.binary(),
    st.sampled_from([None, True, False, ...]),
)


@given(CONSTANTS)
def test_every_constant_comes_back_with_its_type(value: object) -> None:
    (statement,) = decode(encode(module(value))).body
    assert isinstance(statement, ExprStatement)
    assert isinstance(statement.value, Constant)
    assert repr(statement.value.value) == repr(value)


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), ("a", b"a"), (0.0, -0.0)])
def test_constants_that_compare_equal_are_stored_apart(one: object, other: object) -> None:
    assert encode(module(one)) != encode(module(other))


def test_a_module_comes_back_whole(source: Callable[..., SourceFile]) -> None:
    code = "import a\n@b\nasync def f(x: int = 2**70, *y, **z):\n    return [w for w in f'{x!r}' if 1j]\n"
    code += "x = '\\ud800', ..., 123456789012345678901234567890\n"
    facts = from_ast.lower(source(code))
    assert isinstance(facts, ModuleFacts)
    assert decode(encode(facts)) == facts


def test_deep_trees_come_back(source: Callable[..., SourceFile]) -> None:
    facts = from_ast.lower(source("x = 1" + " + 1" * 990))
    assert isinstance(facts, ModuleFacts)
    assert encode(decode(encode(facts))) == encode(facts)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DamagedFacts):
        decode(data)


@given(st.data())
def test_damaged_bytes_are_refused_or_are_some_facts(data: st.DataObject) -> None:
    encoded = bytearray(encode(module("some text")))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(DamagedFacts):
        assert isinstance(decode(bytes(encoded)), ModuleFacts)


def test_bytes_that_nest_too_deeply_are_refused() -> None:
    with pytest.raises(DamagedFacts):
        decode(msgspec.msgpack.encode("x")[:0] + b"\x91" * 200_000)
