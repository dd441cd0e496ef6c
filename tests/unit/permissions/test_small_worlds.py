"""Every pattern of a small world against every resource of it: the order is set inclusion, by exhaustion."""

from __future__ import annotations

from functools import cache
from itertools import product

import pytest

from theodore_loader.permissions import Permission, globs
from theodore_sdk.info import PermissionType

FOLDERS = {"data": "/plugin/data"}


def words(alphabet: str, longest: int) -> list[str]:
    return ["".join(letters) for length in range(longest + 1) for letters in product(alphabet, repeat=length)]


def test_globs_are_their_sets_of_words() -> None:
    patterns = sorted({globs.normal(word) for word in words("ab*", 4) if word})
    # "c" stands for every letter that no pattern names
    sets = {glob: frozenset(word for word in words("abc", 6) if globs.matches(glob, word)) for glob in patterns}
    for one, other in product(patterns, repeat=2):
        assert globs.covers(one, other) == (sets[other] <= sets[one]), (one, other)
        assert globs.overlaps(one, other) == bool(sets[one] & sets[other]), (one, other)
        union = frozenset().union(*(sets.get(piece) or _words_of(piece) for piece in globs.intersection(one, other)))
        assert union == sets[one] & sets[other], (one, other)


@cache
def _words_of(glob: str) -> frozenset[str]:
    return frozenset(word for word in words("abc", 6) if globs.matches(glob, word))


NETWORK = [
    *("*", "*:*", "*:80", "a.org", "a.org:80", "*.a.org", "*.a.org:80", "x.a.org:80", "y.x.a.org", "*.org:443"),
    *("10.0.0.0/30", "10.0.0.0/31:80", "10.0.0.1", "[2001:db8::/126]", "[2001:db8::1]:80", "listen:*", "listen:80"),
]
ACTS = [
    *((host, port, False) for host in ("a.org", "x.a.org", "y.x.a.org", "b.org", "b.net") for port in (80, 443, 5)),
    *((f"10.0.0.{last}", port, False) for last in range(5) for port in (80, 443)),
    *((f"2001:db8::{last}", port, False) for last in range(5) for port in (80, 443)),
    *(("", port, True) for port in (80, 443)),
]


def test_network_patterns_are_their_sets_of_acts() -> None:
    permissions = [Permission(PermissionType.NETWORK, pattern) for pattern in NETWORK]
    sets = {one: _acts(one) for one in permissions}
    assert len(set(sets.values())) == len(NETWORK)
    for one, other in product(permissions, repeat=2):
        assert one.covers(other) == (sets[other] <= sets[one]), (str(one), str(other))
        assert one.overlaps(other) == bool(sets[one] & sets[other]), (str(one), str(other))
        pieces = one.intersection(other)
        assert frozenset().union(*map(_acts, pieces)) == sets[one] & sets[other], (str(one), str(other))


def _acts(one: Permission) -> frozenset[tuple[str, int, bool]]:
    return frozenset(act for act in ACTS if (one.allows_listen(act[1]) if act[2] else one.allows_host(act[0], act[1])))


PATHS = [
    *("*", "r:/**", "r:/", "r:/a", "rw:/a", "r:/a/**", "rw:/a/**", "r:/a/*", "r:/a/*b", "r:/a/b*", "rw:/a/b", "r:/*/b"),
    *("rw:{data}", "r:{data}/x", "r:{data}/*"),
]
FILES = [
    (path, write)
    for path in (
        "/",
        "/a",
        "/a/b",
        "/a/ab",
        "/a/ba",
        "/a/b/b",
        "/c",
        "/c/b",
        "/a/c",
        "/plugin/data",
        "/plugin/data/x",
        "/plugin/data/y",
    )
    for write in (False, True)
]


def test_path_patterns_are_their_sets_of_accesses() -> None:
    permissions = [Permission(PermissionType.FILE_SYSTEM, pattern) for pattern in PATHS]
    sets = {one: {file for file in FILES if one.allows_path(*file, FOLDERS)} for one in permissions}
    for one, other in product(permissions, repeat=2):
        assert one.covers(other) == (sets[other] <= sets[one]), (str(one), str(other))
        assert one.overlaps(other) == bool(sets[one] & sets[other]), (str(one), str(other))


@pytest.mark.parametrize(
    ("one", "other", "pieces"),
    [
        ("MY_*", "*_KEY", {"MY_*_KEY", "MY_KEY"}),
        ("A*", "*B", {"A*B"}),
        ("*A*", "B*", {"B*A*"}),
        ("AB*", "B*", set()),
        ("A*", "A*", {"A*"}),
    ],
)
def test_globs_that_cross_meet_in_as_many_pieces_as_needed(one: str, other: str, pieces: set[str]) -> None:
    left, right = Permission(PermissionType.ENVIRONMENT, one), Permission(PermissionType.ENVIRONMENT, other)
    assert {piece.pattern for piece in left.intersection(right)} == pieces
    assert (left.meet(right) is None) == (len(pieces) != 1)


def test_an_intersection_of_too_many_pieces_grants_nothing_and_still_overlaps() -> None:
    left = Permission(PermissionType.ENVIRONMENT, "*AB*AB*AB*")
    right = Permission(PermissionType.ENVIRONMENT, "*BA*BA*BA*")
    assert left.overlaps(right)
    assert left.intersection(right) == ()
    assert left.meet(right) is None
