"""Fixes that meet wait for each other; what is applied is exactly what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.finding import Location
from theodore_plugin.fixes.combine import apply, compatible
from theodore_plugin.fixes.model import Edit, Fix

TEXT = b"0123456789"


def edit(start: int, end: int, after: bytes, *, joins: bool = False, path: str = "a.py") -> Edit:
    return Edit(Location(path, 1, start + 1, 1, end + 1), start, TEXT[start:end], after, joins)


def fix(*edits: Edit) -> Fix:
    return Fix("some-rule", True, edits, "do it")


def test_edits_apart_are_applied_together():
    fixes = (fix(edit(0, 2, b"A")), fix(edit(4, 5, b"")), fix(edit(7, 7, b"BB")))
    assert compatible(fixes) == fixes
    assert apply({"a.py": TEXT}, fixes) == {"a.py": b"A2356BB789"}


@pytest.mark.parametrize(
    ("one", "other"),
    [((0, 4), (2, 6)), ((0, 4), (4, 6)), ((4, 6), (0, 4)), ((2, 2), (2, 2)), ((0, 9), (3, 4)), ((3, 3), (3, 5))],
)
def test_of_two_that_meet_the_first_wins(one, other):
    first, second = fix(edit(*one, b"A")), fix(edit(*other, b"B"))
    assert compatible([first, second]) == (first,)


def test_a_fix_is_taken_whole_or_not_at_all():
    first, second = fix(edit(0, 2, b"A")), fix(edit(8, 9, b"B"), edit(1, 3, b"C"))
    assert compatible([first, second]) == (first,)


def test_items_of_a_list_stand_beside_each_other_in_order():
    fixes = [fix(edit(5, 5, b", x", joins=True)), fix(edit(5, 5, b", y", joins=True))]
    assert apply({"a.py": TEXT}, compatible(fixes)) == {"a.py": b"01234, x, y56789"}


def test_what_two_fixes_need_is_done_once():
    needed = edit(0, 0, b"import asyncio\n", joins=True)
    fixes = [fix(needed, edit(3, 4, b"A")), fix(needed, edit(6, 7, b"B"))]
    assert compatible(fixes) == tuple(fixes)
    assert apply({"a.py": TEXT}, fixes) == {"a.py": b"import asyncio\n012A45B789"}


def test_another_file_than_was_checked_is_left_alone():
    with pytest.raises(ValueError, match="not the file that was checked"):
        apply({"a.py": TEXT[::-1]}, [fix(edit(0, 2, b"A"))])


def test_a_fix_that_changes_nothing_cannot_be_made():
    with pytest.raises(ValueError, match="changes something"):
        Fix("some-rule", True, (), "nothing")


spans = st.tuples(st.integers(0, 10), st.integers(0, 10)).map(sorted)


@given(st.lists(st.tuples(spans, st.binary(max_size=3)), max_size=8))
def test_whatever_is_taken_can_be_applied_in_any_order(wanted):
    fixes = compatible(fix(edit(start, end, after)) for (start, end), after in wanted)
    if fixes:
        assert apply({"a.py": TEXT}, fixes) == apply({"a.py": TEXT}, reversed(fixes))
