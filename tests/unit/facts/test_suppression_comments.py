import pytest

from theodore_plugin.facts import from_ast, from_libcst
from theodore_plugin.facts.model import Suppression
from theodore_plugin.facts.suppressions import read_comment
from theodore_plugin.project import SourceFile


def read(text, alone=False):
    return read_comment("a.py", 7, 4, text, alone)


def lowered(front_end, text):
    file = SourceFile.of("a.py", "a", text.encode())
    return from_ast.lower_known(file, comments=True) if front_end is from_ast else front_end.lower(file)


@pytest.mark.parametrize(
    "until", ["until=2027-03-01", 'until="2027-03-01"', "until = '2027-03-01'", "until=2027-03-01, and more"]
)
def test_a_date_may_be_written_with_quotes(until):
    assert read(f'# theodore: ignore[weak-crypto] reason="fine" {until}').until == "2027-03-01"


@pytest.mark.parametrize(
    "reason", ["valid until=2020-01-01, then again", "see reason='x'", "# theodore: ignore[other]", "no ]bracket["]
)
def test_what_stands_in_the_reason_is_prose(reason):
    found = read(f'# theodore: ignore[weak-crypto] reason="{reason}" until=2027-03-01')
    assert (found.rules, found.reason, found.until) == (("weak-crypto",), reason, "2027-03-01")


def test_a_reason_without_quotes_is_none():
    assert read("# theodore: ignore[weak-crypto] reason=because").reason is None


def test_rules_are_separated_by_commas_and_other_comments_may_come_before():
    found = read('# noqa: S324  # theodore: ignore[weak-crypto, mypy/arg-type ,] reason="fine"')
    assert isinstance(found, Suppression)
    assert found.rules == ("weak-crypto", "mypy/arg-type")


@pytest.mark.parametrize("front_end", [from_ast, from_libcst], ids=lambda module: module.__name__)
def test_comments_above_a_line_speak_about_it_together(front_end):
    text = (
        "import hashlib\n"
        '# theodore: ignore[weak-crypto] reason="a name, not a secret"\n'
        '# theodore: ignore[bandit/B310] reason="the address is a constant"\n'
        "# the names are public\n"
        "hashlib.md5(b'x')\n"
        'hashlib.md5(b"y")  # theodore: ignore[weak-crypto] reason="here"\n'
    )
    facts = lowered(front_end, text)
    assert [(item.rules, item.location.line, item.line) for item in facts.suppressions] == [
        (("weak-crypto",), 2, 5),
        (("bandit/B310",), 3, 5),
        (("weak-crypto",), 6, 6),
    ]


def test_a_file_of_nothing_but_comments_is_read_in_one_go():
    text = '# theodore: ignore[weak-crypto] reason="fine"\n' * 30_000
    facts = lowered(from_ast, text)
    assert {item.line for item in facts.suppressions} == {30_001}
