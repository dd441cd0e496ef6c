from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from theodore_loader.config import ConfigurationMismatch, prepare_config

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["api_key"],
    "properties": {
        "api_key": {"type": "string", "minLength": 8, "pattern": "^[a-z0-9]+$"},
        "timeout": {"type": "integer", "default": 30, "minimum": 1},
        "ratio": {"type": "number"},
        "javascript": {"type": "boolean", "default": False},
        "mode": {"enum": ["fast", "thorough"], "default": "fast"},
        "retry": {
            "type": "object",
            "properties": {"attempts": {"type": "integer", "default": 3}, "delay": {"type": "number"}},
        },
        "proxy": {
            "type": "object",
            "required": ["host"],
            "properties": {"host": {"type": "string"}, "port": {"$ref": "#/$defs/port"}},
        },
        "sites": {"type": "array", "items": {"type": "object", "properties": {"port": {"$ref": "#/$defs/port"}}}},
    },
    "$defs": {"port": {"type": "integer", "default": 443, "maximum": 65535}},
}


def refused(schema: Any, data: Any) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationMismatch) as caught:
        prepare_config(schema, data)
    assert caught.value.help
    return list(caught.value.problems)


def test_defaults_are_filled_in_at_every_depth() -> None:
    assert prepare_config(SCHEMA, {"api_key": "abcdefgh", "proxy": {"host": "p"}, "sites": [{}, {"port": 80}]}) == {
        "api_key": "abcdefgh",
        "timeout": 30,
        "javascript": False,
        "mode": "fast",
        "retry": {"attempts": 3},
        "proxy": {"host": "p", "port": 443},
        "sites": [{"port": 443}, {"port": 80}],
    }


def test_an_object_whose_required_parts_have_no_default_is_not_invented() -> None:
    assert "proxy" not in prepare_config(SCHEMA, {"api_key": "abcdefgh"})


def test_all_of_and_references_carry_defaults() -> None:
    schema = {
        "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"b": {"default": 2}}}],
        "$defs": {"base": {"properties": {"a": {"default": [1, {"x": 1}]}}}},
    }
    first = prepare_config(schema, {})
    assert first == {"a": [1, {"x": 1}], "b": 2}
    first["a"].append("changed by the caller")
    assert prepare_config(schema, {})["a"] == [1, {"x": 1}]


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("5", "integer", 5),
        (" -5 ", "integer", -5),
        ("5.0", "integer", None),
        ("5", "number", 5),
        ("0.5", "number", 0.5),
        (".5e3", "number", 500.0),
        ("1e999", "number", None),
        ("nan", "number", None),
        ("inf", "number", None),
        ("0x10", "integer", None),
        ("٣", "integer", None),
        ("1_000", "integer", None),
        ("true", "boolean", True),
        ("Yes", "boolean", True),
        ("off", "boolean", False),
        ("0", "boolean", False),
        ("2", "boolean", None),
        ("", "boolean", None),
        ("5", "string", "5"),
        ("true", ["string", "boolean"], "true"),
        ("5", ["integer", "null"], 5),
        ("null", ["integer", "null"], None),
    ],
)
def test_text_becomes_a_number_or_a_truth_value_only_where_the_schema_says_so(
    text: str, type_: Any, value: Any
) -> None:
    schema = {"properties": {"x": {"type": type_}}}
    if value is None:
        assert refused(schema, {"x": text})[0][0] == "/x"
    else:
        result = prepare_config(schema, {"x": text})["x"]
        assert result == value
        assert type(result) is type(value)


def test_every_problem_is_listed_without_its_value() -> None:
    found = refused(
        SCHEMA, {"api_key": "SECRET!", "timout": 5, "timeout": 0, "mode": "slow", "retry": {"attempts": "many"}}
    )
    assert {pointer for pointer, _message in found} == {"/api_key", "/timout", "/timeout", "/mode", "/retry/attempts"}
    assert ("/timout", "unknown setting; did you mean timeout?") in found
    assert ("/mode", "one of fast, thorough is wanted") in found
    assert not any("SECRET" in message or "many" in message for _pointer, message in found)


def test_a_missing_setting_is_named() -> None:
    assert refused(SCHEMA, {}) == [("/api_key", "missing")]


def test_a_wrong_default_is_reported_like_any_value() -> None:
    assert refused({"properties": {"a": {"type": "integer", "default": "x"}}}, {}) == [("/a", "integer is wanted")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": object()}, "JSON has no object"),
        ({1: "x"}, "a key that is not text"),
        ({"a": float("nan")}, "out of range"),
        ({"a": "\ud800"}, "surrogate"),
        ({"k" * 600: 1}, "512 characters"),
        ({"a": "x" * 300_000}, "more than"),
    ],
)
def test_what_is_not_plain_data_is_refused(data: Any, message: str) -> None:
    assert message in refused({}, data)[0][1]


def test_a_configuration_inside_itself_is_refused() -> None:
    data: dict[str, Any] = {}
    data["self"] = data
    assert "nested deeper" in refused({}, data)[0][1]


def _doubling(levels: int) -> dict[str, Any]:
    """Each level refers twice to the next: 2^levels checks of one value."""
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{levels}": {}}}


@pytest.mark.parametrize(
    ("schema", "pointer", "message"),
    [
        ({"$ref": "https://example.com/schema.json"}, "/$ref", "never files or addresses"),
        ({"$ref": "file:///etc/passwd"}, "/$ref", "never files or addresses"),
        ({"$ref": "other.json#/x"}, "/$ref", "never files or addresses"),
        ({"$ref": 5}, "/$ref", "never files or addresses"),
        ({"$ref": "#/nowhere"}, "/$ref", "leads nowhere"),
        ({"$ref": "#"}, "", "contains itself"),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, "", "contains itself"),
        ({"properties": {"$defs": {"$ref": "#"}}}, "", "contains itself"),
        ({"properties": {"a": {"items": {"$ref": "#"}}}}, "", "contains itself"),
        (_doubling(40), "", "parts, more than"),
        ({"properties": {"$defs": _doubling(40)["$defs"]["d0"]}, "$defs": _doubling(40)["$defs"]}, "", "more than"),
        ({"$id": "https://example.com/"}, "/$id", "changes what references mean"),
        ({"$dynamicRef": "#a"}, "/$dynamicRef", "not accepted"),
        ({"unevaluatedProperties": False}, "/unevaluatedProperties", "additionalProperties"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "2020-12"),
        ({"type": "objekt"}, "/type", "draft 2020-12"),
        ({"properties": []}, "/properties", "draft 2020-12"),
        ({"minimum": "1"}, "/minimum", "draft 2020-12"),
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, "/properties/a", "too many ways"),
        ({"patternProperties": {"(x*)*": {}}}, "", "too many ways"),
        ({"pattern": "["}, "", "not a regular expression"),
        ({"description": "x" * 200_000}, "", "more than"),
        ({"default": object()}, "", "not JSON"),
    ],
)
def test_a_hostile_schema_is_refused_before_it_is_used(schema: Any, pointer: str, message: str) -> None:
    found = dict(refused(schema, {"a": {"a": 1}}))
    assert message in found[pointer], found


def test_a_schema_nested_too_deeply_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"items": schema}
    assert "nested deeper" in refused(schema, {})[0][1]


def test_nothing_is_fetched(tmp_path: Path) -> None:
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            refused({"properties": {"a": {"$ref": f"http://127.0.0.1:{server.server_port}/x"}}}, {"a": 1})
            refused({"$schema": f"http://127.0.0.1:{server.server_port}/x"}, {})
        finally:
            server.shutdown()
            thread.join()
    assert seen == []


def test_data_that_looks_like_a_reference_is_data() -> None:
    schema = {"properties": {"a": {"default": {"$ref": "http://example.com", "pattern": "(a+)+"}}}}
    assert prepare_config(schema, {})["a"]["$ref"] == "http://example.com"


def test_a_property_may_be_called_like_a_keyword() -> None:
    schema = {"properties": {"$ref": {"type": "integer", "default": 1}, "pattern": {"type": "string"}}}
    assert prepare_config(schema, {"pattern": "(a+)+$"}) == {"$ref": 1, "pattern": "(a+)+$"}


def test_a_flood_of_problems_is_cut_short_in_the_message() -> None:
    schema = {"properties": {f"p{n}": {"type": "integer"} for n in range(200)}}
    with pytest.raises(ConfigurationMismatch) as caught:
        prepare_config(schema, dict.fromkeys(schema["properties"], "x"))
    assert len(caught.value.problems) == 200
    assert caught.value.message.endswith("... and 150 more")


def test_arithmetic_that_overflows_is_a_problem_and_no_crash() -> None:
    schema = {"properties": {"a": {"type": "number", "multipleOf": 1e-300}}}
    assert refused(schema, {"a": 1e300})


def test_a_long_value_is_not_matched_against_a_pattern() -> None:
    assert "too long" in dict(refused({"properties": {"a": {"pattern": "^a*$"}}}, {"a": "a" * 600}))["/a"]


def test_a_key_that_a_pattern_accepts_is_not_called_unknown() -> None:
    schema = {"patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False}
    assert prepare_config(schema, {"x-a": 1}) == {"x-a": 1}
    assert refused(schema, {"x-a": 1, "y": 2}) == [("/y", "unknown setting")]
