"""The model itself: every node is walked, stored and compared the same way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from theodore_plugin.facts import model as m

NODES: list[Any] = list(get_args(m.Node))
SPAN = m.Span(1, 0, 1, 3)


def filler(kind: Any, name: str) -> object:
    """Something recognisable that fits the field, nodes where it takes nodes."""
    node = m.Name(name, SPAN)
    text = str(kind)
    if "tuple[tuple[" in text:
        return ((m.Name(f"{name} key", SPAN), node),)
    if "tuple[" in text or text == "Block":
        return ("a",) if text == "tuple[str, ...]" else (node,)
    values = {"str": "a", "str | None": "a", "bool": False, "int": 0, "Span": SPAN, "ConstantValue": 1}
    return values.get(text, node)


def example(kind: Any) -> Any:
    return kind(**{name: filler(hint, name) for name, hint in kind.__annotations__.items()})


def reflected(value: object) -> Iterator[object]:
    if isinstance(value, tuple):
        for item in value:
            yield from reflected(item)
    elif isinstance(value, m.Fact):
        yield value


@pytest.mark.parametrize("kind", NODES, ids=lambda kind: kind.__name__)
def test_no_child_is_left_out_of_a_walk_and_none_is_out_of_order(kind: Any) -> None:
    node = example(kind)
    expected = [child for name in kind.__struct_fields__ for child in reflected(getattr(node, name))]
    assert list(m.children(node)) == expected
    assert list(m.walk(node)) == [node, *expected]


@pytest.mark.parametrize("kind", NODES, ids=lambda kind: kind.__name__)
def test_nodes_are_values(kind: Any) -> None:
    assert example(kind) == example(kind)
    assert hash(example(kind)) == hash(example(kind))
    with pytest.raises(AttributeError):
        example(kind).span = SPAN


def test_tags_are_distinct() -> None:
    tags = [kind.__struct_config__.tag for kind in NODES]
    assert len(set(tags)) == len(tags)


def test_a_module_survives_being_stored() -> None:
    statement = m.ExprStatement(m.Call(m.Name("f", SPAN), (m.Argument(m.Constant(b"x", SPAN), "k", SPAN),), SPAN), SPAN)
    facts = m.ModuleFacts("a.py", "a", False, "0", (statement,), (), (m.Blanket(SPAN.at("a.py"), "nosec"),), 1)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(facts), type=m.ModuleFacts) == facts


def test_dotted_names_are_chains_on_a_name() -> None:
    name = m.Attribute(m.Attribute(m.Name("a", SPAN), "b", SPAN), "c", SPAN)
    assert m.dotted(name) == "a.b.c"
    assert m.dotted(m.Attribute(m.Constant("a", SPAN), "b", SPAN)) is None
