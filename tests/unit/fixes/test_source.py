"""Files keep their bytes: encodings, marks and line ends of every kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.finding import Location
from theodore_plugin.fixes.model import NoFix
from theodore_plugin.fixes.source import Source

LINES = "import yaml\n\n\ndef read(text):\n    return yaml.load(text, Loader=yaml.Loader)  # näher\n"
CODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "Latin-1": lambda text: f"# -*- coding: latin-1 -*-\n{text}".encode("latin-1"),
    "without a last line end": lambda text: text.rstrip("\r\n").encode(),
    "form feeds": lambda text: text.replace("def ", "\f\ndef ").encode(),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CR LF"])
@pytest.mark.parametrize("coding", CODINGS.values(), ids=list(CODINGS))
def test_an_edit_changes_its_own_bytes_only(bench, coding, end):
    data = coding(LINES).replace(b"\n", end.encode())
    files = {"pyproject.toml": b'[project]\nname = "demo"\nversion = "1"\n', "demo/__init__.py": data}
    ((_, fix),) = bench.fixes("unsafe-deserialisation", files)
    assert fix is not None
    (edit,) = fix.edits
    old, new = b"load(text, Loader=yaml.Loader", b"safe_load(text"
    assert (edit.before, edit.after) == (old, new)
    assert data[: edit.start] + new + data[edit.end :] == data.replace(old, new)


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CR LF"])
def test_new_lines_end_as_the_others_do(bench, end):
    code = f"import time{end}{end}{end}async def wait():{end}    time.sleep(1){end}"
    changed = bench.mended("blocking-call-in-async", code)["demo/example.py"]
    assert changed == (
        f"import time{end}import asyncio{end}{end}{end}async def wait():{end}    await asyncio.sleep(1){end}"
    )


def test_where_lines_end_with_carriage_returns_only_no_line_is_added(bench):
    """The interpreter's tokenizer does not see such lines, so where one could go is not known."""
    data = b"import time\r\rx = 1\r"
    with pytest.raises(NoFix):
        Source("demo/__init__.py", data).logical_line(0)


def test_a_letter_the_encoding_does_not_have_is_no_fix():
    source = Source("a.py", "# coding: latin-1\nx = 'ä'\n".encode("latin-1"))
    with pytest.raises(NoFix, match=r"iso8859-1"):
        source.replace(0, 1, "\u20ac")


@pytest.mark.parametrize(
    "data", [b"\0", b"# coding: rot13\n", b"\xff\xfe", "# coding: utf-16\n".encode("utf-16")], ids=repr
)
def test_what_cannot_be_analysed_is_not_changed(data):
    with pytest.raises(NoFix):
        Source("a.py", data)


TEXTS = st.text(st.sampled_from("ab é\u20ac\U0001f600\t\n\r"), max_size=40)


@given(text=TEXTS, new=TEXTS, cut=st.tuples(st.integers(0, 40), st.integers(0, 40)), mark=st.booleans())
def test_replacing_is_replacing(text, new, cut, mark):
    """Whatever is replaced by whatever: the bytes are those of the text with the replacement in it."""
    data = (b"\xef\xbb\xbf" if mark else b"") + text.encode()
    source = Source("a.py", data)
    start, end = sorted(min(item, len(text)) for item in cut)
    edit = source.replace(start, end, "x" + new.replace("\r", "").replace("\n", "") + "x")
    changed = data[: edit.start] + edit.after + data[edit.end :]
    assert data[edit.start : edit.end] == edit.before
    expected = text[:start] + "x" + new.replace("\r", "").replace("\n", "") + "x" + text[end:]
    assert changed.decode("utf-8-sig") == expected


@given(text=TEXTS)
def test_places_and_offsets_are_each_others_inverse(text):
    source = Source("a.py", text.encode())
    for offset in range(len(text) + 1):
        assert source.offset(*source.place(offset)) == offset


def test_a_place_without_an_end_cannot_be_replaced():
    with pytest.raises(NoFix, match="where it ends"):
        Source("a.py", b"x = 1\n").extent(Location("a.py", 1, 1))
