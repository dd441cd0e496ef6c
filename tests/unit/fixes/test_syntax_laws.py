"""Whatever the layout: an item more is that item more, an item less is that item less, and comments stay."""

from __future__ import annotations

import ast
import tokenize
from collections import Counter
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.finding import Location
from theodore_plugin.fixes.model import Edit, NoFix
from theodore_plugin.fixes.source import Source
from theodore_plugin.fixes.syntax import (
    edit,
    quoted,
    with_item,
    with_keyword,
    with_value,
    without_argument,
    without_item,
)

import libcst as cst  # isort: skip  # after the package under test, which imports it late

END = st.sampled_from(["\n", "\r\n"])
SPACES = st.sampled_from(["", " ", "  "])
COMMENTS = st.sampled_from(["", "  # about it", " #"])


@st.composite
def gaps(draw: st.DrawFn) -> str:
    """White space inside brackets: none, some, or new lines with comments at their ends and on their own."""
    if draw(st.booleans()):
        return draw(SPACES)
    lines = [draw(COMMENTS)]
    for _ in range(draw(st.integers(0, 2))):
        lines.append(draw(st.sampled_from(["", "    # on its own", "# far left"])))
    return "\n".join([*lines, draw(st.sampled_from(["", "    ", "\t"]))])


ITEMS = st.sampled_from(["a", "'text'", "f(x)", "[1,\n 2]", "(b)", "(\n  c  # inside\n)", "d.e", "x if y else z", "-1"])


@st.composite
def displays(draw: st.DrawFn, opening: str, closing: str, prefixes: tuple[str, ...] = ("",)) -> tuple[str, int]:
    """A bracketed, comma separated text and how many items it has."""
    count = draw(st.integers(0, 4))
    text = opening + draw(gaps())
    for number in range(count):
        text += draw(st.sampled_from(prefixes)).format(number) + draw(ITEMS) + draw(gaps())
        last = number == count - 1
        if not last or draw(st.booleans()):
            text += "," + draw(gaps())
    return text + closing, count


LISTS = displays("[", "]")
CALLS = displays("f(", ")", ("k{}=", "k{} = "))


def source(text: str, end: str) -> tuple[Source, Location]:
    """A file in which the text is the value of an assignment."""
    whole = f"x = {text}  # behind\ny = 1\n".replace("\n", end)
    lines = text.split("\n")
    column = len(lines[-1]) + (5 if len(lines) == 1 else 1)
    return Source("a.py", whole.encode()), Location("a.py", 1, 5, len(lines), column)


def applied(file: Source, change: Edit) -> bytes:
    return file.data[: change.start] + change.after + file.data[change.end :]


def comments(data: bytes) -> Counter[str]:
    return Counter(item.string for item in tokenize.tokenize(BytesIO(data).readline) if item.type == tokenize.COMMENT)


def value(data: bytes) -> ast.expr:
    statement = ast.parse(data).body[0]
    assert isinstance(statement, ast.Assign)
    return statement.value


def spelt(nodes: list[ast.expr]) -> list[str]:
    return [ast.unparse(node) for node in nodes]


@given(display=LISTS, end=END)
def test_an_item_more(display: tuple[str, int], end: str) -> None:
    file, where = source(display[0], end)
    before, data = value(file.data), applied(file, edit(file, where, cst.List, lambda node: with_item(node, "new(1)")))
    after = value(data)
    assert isinstance(before, ast.List)
    assert isinstance(after, ast.List)
    assert spelt(after.elts) == [*spelt(before.elts), "new(1)"]
    assert comments(data) == comments(file.data)
    assert data.count(b"\r") == (data.count(b"\n") if end == "\r\n" else 0)


@given(display=LISTS, end=END, draw=st.data())
def test_an_item_less(display: tuple[str, int], end: str, draw: st.DataObject) -> None:
    text, count = display
    if not count:
        return
    number = draw.draw(st.integers(0, count - 1))
    file, where = source(text, end)
    try:
        data = applied(file, edit(file, where, cst.List, lambda node: without_item(node, number)))
    except NoFix:
        return  # a comment would have been lost
    before, after = value(file.data), value(data)
    assert isinstance(before, ast.List)
    assert isinstance(after, ast.List)
    kept = spelt(before.elts)
    del kept[number]
    assert spelt(after.elts) == kept
    lost = comments(file.data) - comments(data)
    assert lost.total() <= 3, lost  # one behind the item or its comma, one before the comma, one inside
    assert not any(comment in {"# on its own", "# far left"} for comment in lost)


@given(display=CALLS, end=END)
def test_an_argument_more(display: tuple[str, int], end: str) -> None:
    file, where = source(display[0], end)
    data = applied(file, edit(file, where, cst.Call, lambda node: with_keyword(node, "timeout", "30")))
    before, after = value(file.data), value(data)
    assert isinstance(before, ast.Call)
    assert isinstance(after, ast.Call)
    assert spelt_keywords(after) == [*spelt_keywords(before), ("timeout", "30")]
    assert comments(data) == comments(file.data)


@given(display=CALLS, end=END, draw=st.data())
def test_an_argument_less_or_another(display: tuple[str, int], end: str, draw: st.DataObject) -> None:
    text, count = display
    if not count:
        return
    number = draw.draw(st.integers(0, count - 1))
    file, where = source(text, end)
    before = value(file.data)
    assert isinstance(before, ast.Call)
    other = value(applied(file, edit(file, where, cst.Call, lambda node: with_value(node, number, "0"))))
    assert isinstance(other, ast.Call)
    expected = spelt_keywords(before)
    expected[number] = (expected[number][0], "0")
    assert spelt_keywords(other) == expected
    try:
        data = applied(file, edit(file, where, cst.Call, lambda node: without_argument(node, number)))
    except NoFix:
        return
    after = value(data)
    assert isinstance(after, ast.Call)
    del expected[number]
    assert spelt_keywords(after) == expected


def spelt_keywords(call: ast.Call) -> list[tuple[str | None, str]]:
    return [(item.arg, ast.unparse(item.value)) for item in call.keywords]


@given(text=st.text(max_size=20), like=st.sampled_from(['"x"', "'x'", '"""x"""', "r'x'", "U'x'"]))
def test_a_quoted_text_reads_as_it_is(text: str, like: str) -> None:
    assert ast.literal_eval(quoted(text, like)) == text
    assert quoted(text, like).isprintable()
