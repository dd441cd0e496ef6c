import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.coverage import Coverage, CoverageError, Covered, State

NAMES = st.lists(st.text("abc/.", min_size=1, max_size=6), unique=True)


def test_an_account_that_adds_up_is_sorted_and_counted():
    coverage = Coverage.account(
        "bandit", ["b.py", "a.py", "c.py"], [Covered("c.py"), Covered("a.py", State.FAILED, "syntax"), Covered("b.py")]
    )
    assert [entry.path for entry in coverage.entries] == ["a.py", "b.py", "c.py"]
    assert (coverage.count(State.ANALYSED), coverage.count(State.FAILED)) == (2, 1)
    assert coverage.failed == (Covered("a.py", State.FAILED, "syntax"),)


@given(NAMES, st.data())
def test_leaving_any_file_out_is_refused(names, data):
    entries = [Covered(name) for name in names]
    if not entries:
        assert Coverage.account("x", names, entries).entries == ()
        return
    lost = data.draw(st.sampled_from(names))
    with pytest.raises(CoverageError, match="unaccounted for"):
        Coverage.account("x", names, [entry for entry in entries if entry.path != lost])


@pytest.mark.parametrize("entries", [["a.py", "a.py"], ["a.py", "never-given.py"]])
def test_counting_a_file_twice_or_inventing_one_is_refused(entries):
    with pytest.raises(CoverageError, match="never given"):
        Coverage.account("x", ["a.py"], [Covered(name) for name in entries])


@pytest.mark.parametrize("state", [State.SKIPPED, State.FAILED])
def test_what_was_not_analysed_says_why(state):
    with pytest.raises(ValueError, match="say why"):
        Covered("a.py", state)
