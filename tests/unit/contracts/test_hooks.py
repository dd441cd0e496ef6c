"""Names that mean a hook, and names that are only alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.contracts.catalogue import shipped_contracts
from theodore_plugin.contracts.hooks import distance, meant, words
from theodore_plugin.contracts.model import ContractParameter

HOOKS = ["scrape_content", "supports_javascript", "get_rate_limits", "export", "__aenter__"]
NAMES = st.text("abc_", min_size=0, max_size=8)


@pytest.mark.parametrize(
    ("name", "hook"),
    [
        ("scrape_contents", "scrape_content"),
        ("scrape_contnet", "scrape_content"),
        ("scrapeContent", "scrape_content"),
        ("ScrapeContent", "scrape_content"),
        ("SCRAPE_CONTENT", "scrape_content"),
        ("content_scrape", "scrape_content"),
        ("scrape_content_async", "scrape_content"),
        ("async_scrape_content", "scrape_content"),
        ("ascrape_content", "scrape_content"),
        ("supports_java_script", "supports_javascript"),
        ("exports", "export"),
        ("__aentr__", "__aenter__"),
        ("expose", None),
        ("scrape", None),
        ("get_rate_cards", None),
        ("aenter", None),
        ("__export__", None),
    ],
)
def test_what_a_name_means(name: str, hook: str | None) -> None:
    assert meant(name, HOOKS) == hook


def test_a_hooks_own_name_means_no_other_hook() -> None:
    for contract in [*shipped_contracts().bases.values(), *shipped_contracts().ports.values()]:
        for name in contract.methods:
            assert meant(name, [name]) is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("getURLFor", ["get", "url", "for"]),
        ("a_b2", ["a", "b", "2"]),
        ("", []),
        ("__", []),
        ("HTTPServer", ["http", "server"]),
    ],
)
def test_words_of_any_case_convention(name: str, found: list[str]) -> None:
    assert words(name) == found


@given(NAMES, NAMES)
def test_distance_is_symmetric_and_zero_only_for_the_same(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


@given(NAMES.filter(lambda text: len(text) > 1), st.data())
def test_a_swap_of_neighbours_is_one_edit_at_most(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 2))
    assert distance(text, text[:at] + text[at + 1] + text[at] + text[at + 2 :]) <= 1


def test_a_method_is_spelt_as_it_would_be_written() -> None:
    method = shipped_contracts().bases["ScraperPlugin"].methods["scrape_content"]
    kinds = ("positional_only", "positional_or_keyword", "keyword_only", "var_keyword")
    spelt = [
        ContractParameter(name, kind, kind == "keyword_only", None) for name, kind in zip("abcd", kinds, strict=True)
    ]
    other = type(method)("f", "X", "sync", True, tuple(spelt), None)
    assert str(method) == "async def scrape_content(self, request)"
    assert str(other) == "def f(self, a, /, b, *, c=…, **d)"
