"""Permissions are sets of resources: ``covers`` is a partial order, ``meet`` its greatest lower bound."""

from __future__ import annotations

import strategies
from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.permissions import PatternError, Permission
from theodore_sdk.info import PermissionType


@given(strategies.permissions)
def test_text_gives_the_same_permission_back(one: Permission) -> None:
    assert Permission.from_text(str(one)) == one
    assert Permission.parse(one.type.value, one.pattern) == one


@given(strategies.permissions)
def test_covers_is_reflexive(one: Permission) -> None:
    assert one.covers(one)
    assert one.meet(one) == one


@given(strategies.several(2))
def test_covers_is_antisymmetric_up_to_normal_form(pair: tuple[Permission, Permission]) -> None:
    one, other = pair
    assert (one.covers(other) and other.covers(one)) == (one == other)


@given(strategies.several(3))
def test_covers_is_transitive(three: tuple[Permission, Permission, Permission]) -> None:
    wide, middle, narrow = three
    for low in [narrow, *narrow.intersection(middle)]:
        for high in [middle, *middle.intersection(wide)]:
            if wide.covers(high) and high.covers(low):
                assert wide.covers(low)


@given(strategies.several(2))
def test_intersection_is_symmetric_and_below_both(pair: tuple[Permission, Permission]) -> None:
    one, other = pair
    pieces = one.intersection(other)
    assert set(pieces) == set(other.intersection(one))
    assert all(one.covers(piece) and other.covers(piece) for piece in pieces)
    assert one.overlaps(other) == other.overlaps(one) == bool(pieces)


@given(strategies.several(2))
def test_no_piece_of_an_intersection_lies_in_another(pair: tuple[Permission, Permission]) -> None:
    pieces = pair[0].intersection(pair[1])
    assert not any(a != b and a.covers(b) for a in pieces for b in pieces)


@given(strategies.several(3))
def test_everything_below_both_is_below_a_piece_and_below_the_meet(three: tuple[Permission, ...]) -> None:
    one, other, third = three
    for low in [third, *third.intersection(one), *one.intersection(other)]:
        if one.covers(low) and other.covers(low):
            assert any(piece.covers(low) for piece in one.intersection(other))
            meet = one.meet(other)
            assert meet is None or meet.covers(low)


@given(st.data())
def test_order_and_intersection_agree_with_membership(data: st.DataObject) -> None:
    kind = data.draw(strategies.kinds)
    one, other = data.draw(strategies.permissions_of(kind)), data.draw(strategies.permissions_of(kind))
    act = data.draw(strategies.resources_of(kind))
    inside_both = act.inside(one) and act.inside(other)
    assert inside_both == any(act.inside(piece) for piece in one.intersection(other))
    if one.covers(other) and act.inside(other):
        assert act.inside(one)
    if inside_both:
        assert one.overlaps(other)


@given(strategies.permissions, strategies.permissions)
def test_types_never_meet(one: Permission, other: Permission) -> None:
    if one.type is not other.type:
        assert not one.covers(other)
        assert not one.overlaps(other)
        assert one.meet(other) is None


def _refusal(kind: PermissionType, text: str) -> PatternError | None:
    try:
        one = Permission.parse(kind, text)
    except PatternError as error:
        return error
    assert Permission(one.type, one.pattern) == one
    return None


@given(strategies.kinds, st.text(max_size=40))
def test_any_text_is_a_pattern_in_normal_form_or_refused_with_a_remedy(kind: PermissionType, text: str) -> None:
    refusal = _refusal(kind, text)
    assert refusal is None or (refusal.defect and refusal.remedy)


@given(strategies.kinds.flatmap(strategies.permissions_of), st.text(max_size=30), st.integers(-5, 70000))
def test_no_resource_makes_a_permission_fail(one: Permission, name: str, port: int) -> None:
    assert one.allows_host(name, port) in (True, False)
    assert one.allows_path(name, True, strategies.FOLDERS) in (True, False)
    assert one.allows_name(name) in (True, False)
