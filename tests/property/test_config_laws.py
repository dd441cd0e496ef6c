from __future__ import annotations

import copy
from typing import Any

import jsonschema
import strategies
from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.config import ConfigurationMismatch, prepare_config

scalars = st.sampled_from(
    [
        {"type": "integer", "default": 3},
        {"type": "integer", "minimum": 2},
        {"type": "number", "default": "0.5"},
        {"type": "boolean", "default": False},
        {"type": "string", "default": "x"},
        {"type": ["integer", "null"], "default": None},
        {"type": "string", "pattern": "^[a-z]*$"},
        {},
    ]
)
names = st.sampled_from(["a", "b", "c"])
objects = st.recursive(
    st.dictionaries(names, scalars, max_size=3),
    lambda inner: st.dictionaries(names, inner.map(lambda props: {"type": "object", "properties": props}), max_size=2),
    max_leaves=4,
)
schemas = st.builds(
    lambda properties, required, more: {"type": "object", "properties": properties, "required": required, **more},
    objects,
    st.lists(names, max_size=2, unique=True),
    st.sampled_from([{}, {"additionalProperties": False}]),
)
values = st.recursive(
    st.sampled_from([1, 2.5, True, None, "7", "1.5", "true", "no", "x", "A"]),
    lambda inner: st.dictionaries(names, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=5,
)
configurations = st.dictionaries(names, values, max_size=3)


def prepared(schema: Any, data: Any) -> dict[str, Any] | None:
    try:
        return prepare_config(schema, data)
    except ConfigurationMismatch as problem:
        assert problem.problems  # noqa: PT017 - refusing is one of two right answers
        return None


@given(schemas, configurations)
def test_what_is_prepared_is_valid_and_stays_as_it_is(schema: Any, data: Any) -> None:
    result = prepared(schema, data)
    if result is not None:
        jsonschema.Draft202012Validator(schema).validate(result)
        assert prepare_config(schema, result) == result


@given(schemas, configurations)
def test_what_was_valid_keeps_its_values(schema: Any, data: Any) -> None:
    if jsonschema.Draft202012Validator(schema).is_valid(data):
        result = prepared(schema, data)
        assert result is None or all(_kept(result[key], value) for key, value in data.items())


def _kept(result: Any, value: Any) -> bool:
    if isinstance(value, dict):
        return all(_kept(result[key], item) for key, item in value.items())
    return bool(result == value) or isinstance(value, list)


@given(schemas, configurations)
def test_neither_schema_nor_configuration_is_changed(schema: Any, data: Any) -> None:
    before = copy.deepcopy((schema, data))
    prepared(schema, data)
    assert (schema, data) == before


@given(strategies.json_objects, strategies.json_objects)
def test_any_schema_and_any_configuration_end_in_a_result_or_a_list_of_problems(schema: Any, data: Any) -> None:
    prepared(schema, data)


keywords = st.dictionaries(
    st.sampled_from(
        [
            "$ref",
            "type",
            "properties",
            "items",
            "allOf",
            "anyOf",
            "required",
            "default",
            "pattern",
            "$defs",
            "enum",
            "minimum",
        ]
    ),
    st.recursive(
        st.sampled_from(["#", "#/$defs/a", "#/properties/a", "object", "string", "[", "a", 1, None, True]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["a", "$ref", "type", "items"]), inner, max_size=2)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


@given(keywords, configurations)
def test_malformed_schemas_end_in_a_list_of_problems(schema: Any, data: Any) -> None:
    prepared(schema, data)
