"""JSON is YAML: what json reads, the policy reader reads alike, in flow and in block style."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.policy import PolicyProblems
from theodore_loader.policy.yaml_reader import read_yaml

# characters that YAML carries unescaped in double quotes, json.dumps escapes the rest as YAML does
text = st.text(st.characters(max_codepoint=0x7E), max_size=8) | st.text("äß€ :#-?{}[]&*!|>'\"%@`,~\n\t", max_size=8)
scalars = (
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.sampled_from([0.5, -1.25, 1e10, 1.5e-7]) | text
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=15,
)


def block(value: Any, indent: int = 0) -> str:
    """Write a document in block style, scalars and keys as JSON."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        return "".join(f"\n{pad}{json.dumps(key)}: {block(item, indent + 2)}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "".join(f"\n{pad}- {block(item, indent + 2)}" for item in value)
    return json.dumps(value)


@given(documents)
def test_json_is_read_as_json(document: Any) -> None:
    assert read_yaml(json.dumps(document).encode(), "x").value == document
    assert read_yaml(json.dumps(document, indent=2).encode(), "x").value == document


@given(documents)
def test_block_style_means_the_same(document: Any) -> None:
    assert read_yaml(block(document).encode(), "x").value == document


@given(documents)
def test_every_value_has_a_place_inside_the_file(document: Any) -> None:
    written = json.dumps(document, indent=1)
    lines = written.split("\n")
    for line, column in read_yaml(written.encode(), "x").values.values():
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1])


@given(st.binary(max_size=60) | st.text("ab:-?[]{}&*!|>'\"%@,#~ \n\t0", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_place(data: bytes) -> None:
    try:
        read_yaml(data, "x")
    except PolicyProblems as refusal:
        assert all(problem.line >= 1 and problem.column >= 1 for problem in refusal.problems)  # noqa: PT017
