"""``packaging`` is the reference: both must give the same answer to every question."""

from __future__ import annotations

import contextlib
import copy
import pickle
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from theodore_sdk import VersionRange

# Few, small numbers on purpose: neighbours and equal versions are where the rules are.
numbers = st.integers(0, 3).map(str)


@st.composite
def releases(draw: st.DrawFn) -> str:
    epoch = draw(st.sampled_from(["", "", "", "0!", "1!"]))
    return epoch + ".".join(draw(st.lists(numbers, min_size=1, max_size=4)))


@st.composite
def public_versions(draw: st.DrawFn) -> str:
    pre = draw(st.sampled_from(["", "", "a", "b", "rc", ".alpha", "-BETA", "_c", "pre", ".preview."]))
    post = draw(st.sampled_from(["", "", ".post", "-", "r", "_rev.", "-post"]))
    dev = draw(st.sampled_from(["", "", ".dev", "dev", "-DEV."]))
    parts = [draw(releases()), pre and pre + draw(numbers), post and post + draw(numbers), dev and dev + draw(numbers)]
    return draw(st.sampled_from(["", "", "v", " "])) + "".join(parts)


@st.composite
def versions(draw: st.DrawFn) -> str:
    return draw(public_versions()) + draw(st.sampled_from(["", "", "+1", "+abc", "+ABC.1", "+1-2_x", "+01"]))


@st.composite
def clauses(draw: st.DrawFn) -> str:
    operator = draw(st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "~=", "==="]))
    operand = draw(versions() | public_versions() | releases().map(lambda text: f"{text}.*")).strip()
    return draw(st.sampled_from(["", " "])) + operator + draw(st.sampled_from(["", " "])) + operand


ranges = st.lists(clauses(), max_size=3).map(",".join)


def reference(spec: str) -> SpecifierSet | None:
    try:
        return SpecifierSet(spec)
    except InvalidSpecifier:
        return None


def ours(spec: str) -> VersionRange | None:
    try:
        return VersionRange(spec)
    except ValueError:
        return None


@given(ranges, versions())
@example(">1.0", "1.0.post1")
@example(">1.0.post1", "1.0.post2.dev0")
@example("<1.0", "1.0rc1")
@example("<1.0rc1", "1.0a1")
@example("<1.0.post1", "1.0.post1.dev0")
@example("==1.0", "1.0+local")
@example("!=1.0", "1.0.0+local")
@example("==1.0.*", "1")
@example("~=1.4.5a4", "1.4.9")
@example("~=2.2.0", "2.3")
@example("<=1.0", "1.0+z")
@example(">1.0", "1.0+z")
@example("===1.0.0", "1.0")
def test_agrees_with_packaging_on_every_version(spec: str, version: str):
    expected, actual = reference(spec), ours(spec)
    assert (expected is None) == (actual is None)
    if expected is not None and actual is not None:
        assert actual.matches(version) == expected.contains(version, prereleases=True)


@given(st.text("<>=!~.*,+-_v 0123abcdeprostlx", max_size=12))
def test_agrees_with_packaging_on_what_is_a_range(spec: str):
    expected = reference(spec)
    if any(clause.strip().startswith("===") for clause in spec.split(",")):
        return  # what may follow === is packaging's own choice: PEP 440 says no more than "arbitrary"
    assert (ours(spec) is None) == (expected is None)


@given(st.text("!.+-_v 0123abcdeprost", max_size=12))
def test_agrees_with_packaging_on_what_is_a_version(text: str):
    try:
        Version(text)
    except InvalidVersion:
        with pytest.raises(ValueError, match="is not a PEP 440 version"):
            VersionRange("").matches(text)
    else:
        assert VersionRange("").matches(text)


def test_the_ticket_s_range():
    wanted = VersionRange(">=2.0.0,<3.0.0")
    assert [version for version in ("1.9", "2.0", "2.7.1", "2.8rc1", "3.0rc1", "3.0") if wanted.matches(version)] == [
        "2.0",
        "2.7.1",
        "2.8rc1",
    ]
    assert wanted.requirements == ((">=", "2.0.0"), ("<", "3.0.0"))
    assert str(wanted) == wanted.range_spec == ">=2.0.0,<3.0.0"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("2.0", "'2.0' is not a version specifier"),
        (">=2.0,<", "'<' is not a version specifier"),
        ("^1.2", r"'\^1.2' is not a version specifier"),
        ("=>1", "'=>1' is not a version specifier"),
        (">=two", "'two' is not a PEP 440 version"),
        (">=1.*", "goes with == and != only"),
        ("==1.0rc1.*", "follows a plain release"),
        ("~=2", "needs at least two release numbers"),
        (">=1.0+local", "a local version label"),
        (">=1.0; python_version", "is not a version specifier"),
    ],
)
def test_a_bad_range_is_refused_with_its_faulty_clause(spec: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        VersionRange(spec)


@pytest.mark.parametrize("spec", [None, 2, b">=1"])
def test_a_range_that_is_not_text_is_refused(spec: object):
    with pytest.raises(ValueError, match="is text such as"):
        VersionRange(spec)  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", [">=1.0", "<1,>2", ""])
def test_an_invalid_version_is_an_error_not_a_no(spec: str):
    with pytest.raises(ValueError, match="'newest' is not a PEP 440 version"):
        VersionRange(spec).matches("newest")


def test_arbitrary_equality_compares_text():
    assert VersionRange("===Nightly").matches("nightly")
    assert not VersionRange("===1.0").matches("1.0.0")


@pytest.mark.parametrize("version", ["1" * 10_000, "1." * 10_000 + "1", "1" + "a" * 10_000, "9" * 4_000])
def test_huge_versions_end_in_an_answer_or_a_value_error(version: str):
    with contextlib.suppress(ValueError):
        assert VersionRange(">=1").matches(version)


def test_a_range_is_a_value():
    wanted = VersionRange(">=1")
    assert wanted == VersionRange(">=1")
    assert len({wanted, VersionRange(">=1"), VersionRange(">=2")}) == 2
    assert copy.deepcopy(wanted) == pickle.loads(pickle.dumps(wanted)) == wanted
    with pytest.raises(FrozenInstanceError):
        wanted.range_spec = ">=2"  # type: ignore[misc]
