"""Laws of everything that crosses the process border, checked for every data type of the SDK."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import theodore_sdk
from theodore_sdk import CATEGORY_BASES, PluginConfig, PluginContext, PluginInterface

exported = {name: getattr(theodore_sdk, name) for name in theodore_sdk.__all__}
data_types = [thing for thing in exported.values() if dataclasses.is_dataclass(thing)]
port_types = [thing for thing in data_types if thing.__module__.startswith("theodore_sdk.ports.")]

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: text,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=5),
    type(None): st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for a border type; a type that is not plain data has none and fails here."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values_of(argument) for argument in arguments])
    if origin is Mapping:
        return st.dictionaries(text, values_of(arguments[1]), max_size=2)
    if origin is tuple and arguments[1] is Ellipsis:
        return st.lists(values_of(arguments[0]), max_size=2).map(tuple)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if dataclasses.is_dataclass(hint):
        fields = typing.get_type_hints(hint)
        return st.builds(hint, **{name: values_of(field) for name, field in fields.items()})
    raise TypeError(f"{hint} is not plain data")


@pytest.mark.parametrize("data_type", data_types, ids=lambda thing: thing.__name__)
def test_data_types_are_frozen_slotted_and_documented(data_type: type):
    assert data_type.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(data_type)
    assert data_type.__doc__
    assert not data_type.__doc__.startswith(f"{data_type.__name__}(")  # what dataclass writes when nobody does


@pytest.mark.parametrize("data_type", port_types, ids=lambda thing: thing.__name__)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_port_types_survive_the_border_unchanged(data_type: type, data: st.DataObject):
    value = data.draw(values_of(data_type))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=data_type) == value
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)


@pytest.mark.parametrize("data_type", port_types, ids=lambda thing: thing.__name__)
def test_port_types_refuse_what_is_not_a_mapping(data_type: type):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(["not", "an", "object"], data_type)


def category_methods() -> list[tuple[type, str]]:
    bases = CATEGORY_BASES.values()
    return [(base, name) for base in bases for name, member in vars(base).items() if inspect.isfunction(member)]


@pytest.mark.parametrize(("base", "name"), category_methods(), ids=lambda value: getattr(value, "__name__", value))
def test_category_methods_are_async_documented_and_made_of_border_types(base: type, name: str):
    method = getattr(base, name)
    hints = typing.get_type_hints(method)
    streams = typing.get_origin(hints["return"]) is AsyncIterator
    assert inspect.isasyncgenfunction(method) if streams else inspect.iscoroutinefunction(method)
    assert method.__doc__
    assert set(hints) == {*inspect.signature(method).parameters, "return"} - {"self"}
    for hint in hints.values():
        item = typing.get_args(hint)[0] if typing.get_origin(hint) in (Sequence, AsyncIterator) else hint
        values_of(item)
        msgspec.convert([] if item is not hint else None, (Sequence[item] if item is not hint else hint) | None)


def test_every_category_has_its_base_class_and_no_two_share_one():
    assert set(CATEGORY_BASES) == set(theodore_sdk.PluginCategory)
    assert all(base.category is category for category, base in CATEGORY_BASES.items())
    assert len(set(CATEGORY_BASES.values())) == 10
    with pytest.raises(TypeError):
        CATEGORY_BASES[theodore_sdk.PluginCategory.SCRAPER] = PluginInterface  # type: ignore[index]


def test_the_lifecycle_is_the_ticket_s():
    assert PluginInterface.__abstractmethods__ == {
        "get_plugin_info",
        "initialize",
        "validate_configuration",
        "health_check",
        "cleanup",
    }
    hints = typing.get_type_hints(PluginInterface.initialize)
    assert hints == {"container": PluginContext, "config": PluginConfig, "return": type(None)}


def test_credentials_and_timestamps_are_handled_with_care():
    request = theodore_sdk.AuthenticationRequest("bearer", "hunter2")
    assert "hunter2" not in repr(request)
    naive = datetime(2025, 1, 1)
    for build in (
        lambda: theodore_sdk.MetricSample("latency", 1.0, naive),
        lambda: theodore_sdk.WebhookEvent("1", "added", naive),
        lambda: theodore_sdk.Principal("ali", expires_at=naive),
    ):
        with pytest.raises(ValueError, match="needs a timezone"):
            build()


def test_token_usage_adds_up():
    assert theodore_sdk.TokenUsage(prompt_tokens=3, completion_tokens=4).total_tokens == 7
