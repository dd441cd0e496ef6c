import ast

import pytest

from theodore_plugin.scanners.neutral_source import neutral_source


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"x = f()  # type: ignore\n", b"x = f()  #\n"),
        (b"x = f()  # type:ignore[arg-type] # and more\n", b"x = f()  #\n"),
        (b"# mypy: ignore-errors\nx = 1\n", b"#\nx = 1\n"),
        (b"x = []  # type: list[int]\n", b"x = []  # type: list[int]\n"),
        (b"s = '# type: ignore'\n", b"s = '# type: ignore'\n"),
        (b"x = 1  # type: ignore\r\ny = 2\r\n", b"x = 1  #\r\ny = 2\r\n"),
    ],
)
def test_silencing_comments_go_and_nothing_moves(before, after):
    assert neutral_source(before) == after


def test_other_encodings_survive():
    data = "# -*- coding: latin-1 -*-\ns = 'é'  # type: ignore\n".encode("latin-1")
    assert neutral_source(data) == data.replace(b"# type: ignore", b"#")


@pytest.mark.parametrize("data", [b"def (", b"\xff\xfe\x00", b"# coding: nonsense\n", b"'''", b"\0", b""])
def test_what_is_no_python_is_left_alone(data):
    assert neutral_source(data) == data


def test_positions_of_the_code_stay():
    data = b"def f(a,  # type: ignore\n      b):  # type: ignore[x]\n    return a  # mypy: disable\n"
    places = [(node.lineno, node.col_offset) for node in ast.walk(ast.parse(data)) if hasattr(node, "lineno")]
    neutral = neutral_source(data)
    assert b"ignore" not in neutral
    assert places == [
        (node.lineno, node.col_offset) for node in ast.walk(ast.parse(neutral)) if hasattr(node, "lineno")
    ]
