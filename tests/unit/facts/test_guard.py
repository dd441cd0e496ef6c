"""The scan in front of the parser: what it lets into this process, and what cannot hide from it."""

from __future__ import annotations

import pytest

from theodore_plugin.facts.guard import Nesting

DEEP = "(" * 300 + "1" + ")" * 300

SEEN = {
    "behind a comment that a carriage return ends": f"# c\r{DEEP}",
    "behind a string that a carriage return ends": f"x = 'a'\r{DEEP}",
    "behind an f-string": f"x = f'{{a}}' + {DEEP}",
    "behind quotes in an f-string": f"x = f\"it's\" + {DEEP} # '",
    "behind a raw string": f"x = r'\\' + {DEEP}",
    "behind a prefix that is none": f"x = bf'' + {DEEP}",
    "behind a name that ends like a prefix": f"x = elf'a' + {DEEP}",
    "in an f-string": f"x = f'{{{DEEP}}}'",
}


@pytest.mark.parametrize("source", SEEN.values(), ids=SEEN.keys())
def test_brackets_are_seen(source: str) -> None:
    assert Nesting(source).excess is not None


DOUBTFUL = {
    "the string's own quotes in a field": "x = f'{d['a']}'",
    "a quote of the other kind that opens a string": f"x = f\"{{'\"'}}\" + {DEEP} # '",
    "a brace in a string in a field": f'x = f"{{\'}}\' + "x"}}" + {DEEP}',
    "a string that does not end": "x = 'abc\n",
    "a field over lines": "x = f'{\n a\n}'",
}


@pytest.mark.parametrize("source", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_what_may_be_hidden_is_no_business_of_this_process(source: str) -> None:
    assert not Nesting(source).harmless


HARMLESS = {
    "nothing": "",
    "f-strings": "x = f'{a!r:>{w}} it''s {{}} {d[\"k\"]} {{{b}}}'",
    "a triple-quoted f-string": "x = f'''it's {a} \"{b}\" {d['k']}'''",
    "strings full of brackets": f"x = '{DEEP}'  # {DEEP}",
    "a plain match": "match x:\n    case [a, (b, c)]:\n        pass\n",
    "a long list": "x = [" + "1, " * 5_000 + "]",
}


@pytest.mark.parametrize("source", HARMLESS.values(), ids=HARMLESS.keys())
def test_ordinary_source_needs_no_process(source: str) -> None:
    assert Nesting(source).harmless


WORTH_A_PROCESS = {
    "nested patterns": "match x:\n    case {1: {2: {3: {4: a}}}}:\n        pass\n",
    "25 brackets": "x = " + "[" * 25 + "]" * 25,
    "201 operators": "x = 1" + " + 1" * 201,
    "a large file": "x = 1\n" * 50_000,
}


@pytest.mark.parametrize("source", WORTH_A_PROCESS.values(), ids=WORTH_A_PROCESS.keys())
def test_what_may_take_long_does_not_run_here(source: str) -> None:
    assert not Nesting(source).harmless
