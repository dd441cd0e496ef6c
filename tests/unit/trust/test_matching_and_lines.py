"""Identities match whole or not at all; positions in TOML are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.trust.identity import matches
from theodore_loader.trust.toml_lines import Lines

IDENTITY = "https://github.com/acme/hello/.github/workflows/release.yml@refs/tags/v1.2.0"


@pytest.mark.parametrize(
    "glob",
    [
        IDENTITY,
        "https://github.com/acme/hello/.github/workflows/release.yml@refs/tags/*",
        "https://github.com/acme/*/.github/workflows/*@refs/tags/v*",
        "https://github.com/acme/**",
    ],
)
def test_exact_and_anchored_globs_match(glob: str) -> None:
    assert matches(glob, IDENTITY)


@pytest.mark.parametrize(
    "glob",
    [
        IDENTITY[:-1],
        IDENTITY[1:],
        IDENTITY.upper(),
        "https://github.com/acme/*",
        "https://github.com/*",
        "https://github.com/acm?/**",
        "https://github.com/[a]cme/**",
        "https://github.com/.*",
        "",
    ],
)
def test_prefixes_other_cases_and_other_wildcards_do_not(glob: str) -> None:
    assert not matches(glob, IDENTITY)


@pytest.mark.parametrize(
    ("glob", "text"),
    [
        ("me@example.com", "me@example.com.evil.org"),
        ("me@example.com", "not-me@example.com"),
        ("me@example.com", "me@example.com\n"),
        ("*@example.com", "me@evil.org/@example.com"),
        ("acme-*", "acme"),
        ("acme-*", "xacme-hello"),
    ],
)
def test_lookalikes_do_not_match(glob: str, text: str) -> None:
    assert not matches(glob, text)


@given(st.text(alphabet=st.characters(exclude_characters="*"), max_size=40), st.text(max_size=40))
def test_without_a_star_only_the_same_text_matches(glob: str, text: str) -> None:
    assert matches(glob, glob)
    assert matches(glob, text) == (glob == text)


def test_lines_are_found_by_section_and_key() -> None:
    lines = Lines('schema = 1\n[[root]]\nid = "a"\n\n [[root]] # second\nfile = 1\n id="b"\n[loader]\nmode="x"\n')
    assert lines.section("root") == 2
    assert lines.section("root", 1) == 5
    assert lines.section("absent") == 1
    assert lines.key("root", 1, "id") == 7
    assert lines.key("root", 0, "file") == 2
    assert lines.key("loader", 0, "mode") == 9
