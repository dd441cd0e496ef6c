"""Operations derived from signatures: what crosses, what is refused, and where."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
import pytest

from theodore_loader.channel.methods import BadValueError, encode_value, is_operation, methods_of
from theodore_loader.channel.outbox import ValueTooLargeError
from theodore_loader.errors import ProtocolViolation
from theodore_sdk import ScraperPlugin, ScrapingRequest
from theodore_sdk.ports import CATEGORY_BASES


@pytest.mark.parametrize("base", CATEGORY_BASES.values(), ids=lambda base: base.__name__)
def test_every_category_has_a_table_of_exactly_its_coroutines(base):
    wanted = {
        name
        for name, value in inspect.getmembers(base, is_operation)
        if not name.startswith("_") and name != "initialize"
    }
    assert set(methods_of(base)) == wanted


def test_arguments_travel_by_position_whatever_the_caller_wrote():
    method = methods_of(ScraperPlugin)["scrape_content"]
    request = ScrapingRequest(url="u")
    by_name = method.encode_args((), {"request": request})
    assert by_name == method.encode_args((request,), {})
    assert method.decode_args(by_name) == ((request,), {})


@pytest.mark.parametrize(
    "raw",
    [b"\x90", b"\x91\x01", b"\x92\x80\x80", b"\x91\x80", b"\x91\x81\xa3url\x01", b"\xc0", b"\x91\x81\xa3url\xc0"],
)
def test_arguments_of_another_shape_are_refused(raw):
    with pytest.raises(BadValueError):
        methods_of(ScraperPlugin)["scrape_content"].decode_args(msgspec.Raw(raw))


@pytest.mark.parametrize("raw", [b"", b"\x91", b"\xc1", b"\x91\x81\xa3url\xa1\xff", b"\x91" * 50 + b"\x80" * 50])
def test_what_is_no_value_is_a_violation(raw):
    with pytest.raises((ProtocolViolation, BadValueError)):
        methods_of(ScraperPlugin)["scrape_content"].decode_result(msgspec.Raw(raw))


def test_json_arguments_become_the_declared_types():
    method = methods_of(ScraperPlugin)["scrape_content"]
    assert method.decode_named({"request": {"url": "u", "timeout_seconds": 3}}) == {
        "request": ScrapingRequest(url="u", timeout_seconds=3.0)
    }
    with pytest.raises(BadValueError, match=r"request: .*url"):
        method.decode_named({"request": {}})
    with pytest.raises(TypeError, match="unexpected"):
        method.decode_named({"request": {"url": "u"}, "other": 1})


def test_plain_values_cross_and_objects_do_not():
    assert encode_value(MappingProxyType({"a": 1})) == msgspec.Raw(b"\x81\xa1a\x01")
    for value in (object(), Path("x"), lambda: 1, 2**70):
        with pytest.raises((TypeError, OverflowError)):
            encode_value(value)


def test_the_size_limit_names_itself():
    with pytest.raises(ValueTooLargeError, match=r"1048576 bytes \(1 MiB\)"):
        encode_value("x" * 1024 * 1024)


class TakesMany(ScraperPlugin):
    async def follow(self, *urls: str) -> None: ...


class Objects(ScraperPlugin):
    async def where(self, path: Mapping[str, Path]) -> None: ...


class IteratesObjects(ScraperPlugin):
    async def pages(self) -> AsyncIterator[Path]: ...


class CallsBack(ScraperPlugin):
    async def pages(self, on_page: Callable[[str], None]) -> None: ...


@pytest.mark.parametrize("base", [TakesMany, Objects, IteratesObjects, CallsBack])
def test_a_signature_that_cannot_cross_is_refused_when_the_table_is_built(base):
    with pytest.raises(TypeError, match="cannot cross"):
        methods_of(base)
