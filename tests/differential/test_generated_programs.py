"""Programs put together at random, with odd spacing, parentheses and comments, are lowered alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

Compare = Callable[[str, bytes], str]
Text = st.SearchStrategy[str]

NAMES = st.sampled_from(["a", "b", "größe", "ﬁ", "self", "match", "type", "f", "_"])
ATOMS = NAMES | st.sampled_from(
    [
        "1",
        "0x1F",
        "1.5e3",
        "2j",
        "None",
        "True",
        "...",
        "'x'",
        "b'x'",
        "'''a\nb'''",
        "'é' \"z\"",
        "f'{a}'",
        "f'é{a!r:>{b}}'",
    ]
)
GAPS = st.sampled_from(["", "", " ", "  ", " \\\n "])
INNER_GAPS = st.sampled_from(["", " ", "\n", " # why\n  ", "\t"])


def joined(*parts: str | Text) -> Text:
    """The parts one after another, with blanks between them."""
    return st.tuples(*[part if isinstance(part, st.SearchStrategy) else st.just(part) for part in parts]).map(" ".join)


def bracketed(opening: str, inner: Text, closing: str) -> Text:
    """Brackets, inside which lines may break and comments stand."""
    return st.tuples(INNER_GAPS, inner, INNER_GAPS).map(
        lambda parts: f"{opening}{parts[0]}{parts[1]}{parts[2]}{closing}"
    )


def listed(items: Text, least: int = 0, most: int = 3) -> Text:
    """Some items with commas between them, and perhaps behind the last."""
    found = st.lists(items, min_size=least, max_size=most)
    return st.tuples(found, st.booleans()).map(lambda pair: ", ".join(pair[0]) + ("," if pair[1] and pair[0] else ""))


def compound(inner: Text) -> Text:
    """Expressions made of expressions; each stands in parentheses, so that every place takes it."""
    operators = st.sampled_from(
        ["+", "-", "*", "**", "//", "%", "@", "<<", "|", "and", "or", "<", "is not", "not in", "=="]
    )
    clause = joined("for", NAMES, "in", inner) | joined("for a, b in", inner, "if", inner)
    argument = inner | joined(NAMES, "=", inner).map(lambda text: text) | joined("**", inner)
    calls = st.tuples(inner, bracketed("(", listed(inner), ")")).map("".join) | st.tuples(
        inner, bracketed("(", listed(argument.filter(lambda text: "=" in text or "**" in text), most=1), ")")
    ).map("".join)
    displays = (
        bracketed("[", listed(inner | joined("*", inner)), "]")
        | bracketed("{", listed(inner, least=1), "}")
        | bracketed("{", listed(joined(inner, ":", inner)), "}")
        | bracketed("(", listed(inner, least=2), ")")
    )
    comprehensions = (
        bracketed("[", joined(inner, clause), "]")
        | bracketed("(", joined(inner, clause, clause), ")")
        | bracketed("{", joined(inner, ":", inner, clause), "}")
    )
    return st.one_of(
        bracketed("(", joined(inner, operators, inner), ")"),
        bracketed("(", inner, ")"),
        bracketed("(", joined(inner, "if", inner, "else", inner), ")"),
        bracketed("(", joined(st.sampled_from(["not", "-", "~", "+"]), inner), ")"),
        bracketed("(", joined("lambda a, *, b =", inner, ":", inner), ")"),
        bracketed("(", joined(NAMES, ":=", inner), ")"),
        st.tuples(inner.map("({})".format), GAPS, st.just("."), GAPS, NAMES).map("".join),
        st.tuples(
            inner.map("({})".format), bracketed("[", joined(inner, ":", inner) | listed(inner, least=1), "]")
        ).map("".join),
        calls.map("({})".format),
        displays,
        comprehensions,
    )


EXPRESSIONS = st.recursive(ATOMS, compound, max_leaves=8)
SIMPLE = st.one_of(
    EXPRESSIONS,
    joined(NAMES, "=", EXPRESSIONS),
    joined("a, *b =", EXPRESSIONS),
    joined("a.b [ 0 ] :", EXPRESSIONS, "=", EXPRESSIONS),
    joined("a +=", EXPRESSIONS),
    joined("assert", EXPRESSIONS, ",", EXPRESSIONS),
    joined("from . import", NAMES, "as", NAMES),
    joined("del a, ( b )"),
    st.just("pass"),
)
HEADERS = st.one_of(
    joined("if", EXPRESSIONS, ":"),
    joined("for a , b in", EXPRESSIONS, ":"),
    joined("while", EXPRESSIONS, ":"),
    joined("with", EXPRESSIONS, "as c :"),
    joined("def f ( a , / , b :", EXPRESSIONS, "=", EXPRESSIONS, ", * c , d ) ->", EXPRESSIONS, ":"),
    joined("@", NAMES, "\nclass C (", NAMES, ", k =", EXPRESSIONS, ") :"),
    st.just("try : pass\nexcept ( A , B ) as e :"),
)


def blocks(statements: Text) -> Text:
    """A compound statement around statements."""
    body = st.lists(statements, min_size=1, max_size=3).map(lambda lines: "\n".join(lines).replace("\n", "\n    "))
    return st.tuples(HEADERS, body).map(lambda pair: f"{pair[0]}\n    {pair[1]}")


LINES = st.tuples(st.lists(SIMPLE, min_size=1, max_size=2), st.sampled_from(["", ";", "  # said"])).map(
    lambda pair: "; ".join(pair[0]) + pair[1]
)
PROGRAMS = st.lists(st.recursive(LINES, blocks, max_leaves=4), max_size=4).map("\n".join)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of the strategy, which nobody prints
@given(PROGRAMS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_generated_programs_are_lowered_alike(compare: Compare, program: str, newline: str) -> None:
    assert compare("generated.py", program.replace("\n", newline).encode()) in {"same", "both refuse", "left to ast"}


@given(st.text(alphabet="()[]{}'\"\\#:=,.;*@f \nabé1\r\t", max_size=40))
def test_fragments_end_in_the_same_facts_or_in_a_refusal(compare: Compare, text: str) -> None:
    assert compare("fragment.py", text.encode()) in {"same", "both refuse", "left to libcst", "left to ast"}
