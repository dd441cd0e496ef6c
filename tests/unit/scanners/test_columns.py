import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.project import SourceFile
from theodore_plugin.scanners.bandit import BanditScanner
from theodore_plugin.scanners.columns import in_code_points

LINE = "    名前, b = 'ééé\U0001f600', hashlib.md5(x.encode()); c: int = 'wörd'; return (b, c, 名前)"


def converted(place, data):
    finding = Finding("bandit/B324", Severity.WARNING, Confidence.HIGH, place, "wrong")
    (result,) = in_code_points([finding], [SourceFile.of(place.path, None, data)])
    return result.location


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"], exclude_characters="'\\"), max_size=20)
)
def test_a_column_of_the_parser_becomes_the_place_in_the_text(text):
    line = f"a = '{text}' + f(x)"
    call = ast.parse(line).body[0].value.right
    place = converted(Location("a.py", 1, call.col_offset + 1, 1, call.end_col_offset + 1), line.encode())
    assert line[place.column - 1 : place.end_column - 1] == "f(x)"


@pytest.mark.parametrize(
    ("declared", "encoding"), [("", "utf-8"), ("# coding: latin-1", "latin-1"), ("", "utf-8-sig")], ids=ascii
)
def test_the_encoding_of_the_file_does_not_matter(declared, encoding):
    source = f"{declared}\nname = 'Zoë'; f(x)\n"
    call = ast.parse(source.encode(encoding)).body[1].value
    place = converted(Location("a.py", 2, call.col_offset + 1), source.encode(encoding))
    assert source.splitlines()[1][place.column - 1 :] == "f(x)"


@pytest.mark.parametrize("data", ["é".encode(), b"\xff\xfe", b"\0\xc3\xa9", b""], ids=ascii)
def test_a_place_that_is_not_there_stays_as_it_is(data):
    place = Location("a.py", 7, 99, 8, 3)
    assert converted(place, data) == place


def test_bandit_is_read_with_columns_of_characters(scan):
    source = f"import hashlib\n\n\ndef f(x: str) -> object:\n{LINE}\n"
    (finding,) = scan(BanditScanner(), {"src/demo/__init__.py": source}).findings
    place = finding.location
    assert LINE[place.column - 1 : place.end_column - 1] == "hashlib.md5(x.encode())"
