"""Files made to break an analyser: each becomes a reason, none an exception, a crash or silence."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from theodore_plugin.facts import from_ast, from_libcst
from theodore_plugin.facts.model import Constant, FactsFailure, ModuleFacts, Opaque, walk
from theodore_plugin.project import SourceFile

Lowered = ModuleFacts | FactsFailure
Lower = Callable[[bytes | str], Lowered]


@pytest.fixture(params=[from_libcst.lower, from_ast.lower], ids=["own code", "dependency"])
def lowered(request: pytest.FixtureRequest) -> Lower:
    """Each front end in turn."""

    def lower(data: bytes | str) -> Lowered:
        encoded = data.encode() if isinstance(data, str) else data
        result = request.param(SourceFile.of("demo/example.py", "demo.example", encoded))
        assert isinstance(result, Lowered)
        return result

    return lower


DEEP = {
    "parentheses": "x = " + "(" * 100_000 + "1" + ")" * 100_000,
    "unclosed brackets": "x = " + "[" * 100_000,
    "not": "x = " + "not " * 100_000 + "1",
    "minus": "x = " + "-" * 100_000 + "1",
    "attributes": "x = a" + ".b" * 100_000,
    "sum": "x = 1" + " + 1" * 100_000,
    "calls": "x = f" + "()" * 100_000,
    "elif": "if a:\n    pass\n" + "elif a:\n    pass\n" * 100_000,
    "lambda": "x = " + "lambda: " * 100_000 + "1",
    "conditional": "x = " + "1 if a else " * 100_000 + "1",
    "power": "x = 1" + "**1" * 100_000,
    "indentation": "".join(" " * depth + "if a:\n" for depth in range(500)) + " " * 500 + "pass\n",
    "format string": 'x = f"' + "{(" * 5_000 + "1" + ")}" * 5_000 + '"',
    "await": "async def f():\n    return " + "await " * 100_000 + "x",
    "subscripts": "x = a" + "[0]" * 100_000,
    "mixed": "x = " + ("(not " * 150 + "-" * 500) * 3 + "1" + ")" * 450,
    "hidden in a string's shadow": "x = 'it''s' " + "(" * 100_000,
    "nested format strings": "x = " + 'f"{' * 3_000 + "1" + '}"' * 3_000,
    "backslashes": "x = 1 " + "\\\n + 1 " * 100_000,
}


@pytest.mark.parametrize("source", DEEP.values(), ids=DEEP.keys())
def test_deep_nesting_is_reported_and_quickly(lowered: Lower, source: str) -> None:
    started = time.monotonic()
    result = lowered(source)
    assert isinstance(result, FactsFailure)
    assert result.reason
    assert time.monotonic() - started < 10


BROKEN = {
    "null byte": (b"x = 1\n\0", "null byte", 2),
    "invalid UTF-8": (b"x = 1\ny = '\xff'\n", "not valid utf-8", 2),
    "rot13": (b"# coding: rot13\nvzcbeg bf\n", "encoding", 1),
    "utf-7": (b"# coding: utf-7\nx = 1\n", "encoding", 1),
    "unknown encoding": (b"# coding: klingon\nx = 1\n", "unknown encoding", 1),
    "syntax error": (b"x = 1\ndef f(:\n    pass\n", "syntax error", 2),
    "cut off": (b"def f(\n", "syntax error", 1),
    "utf-16": ("x = 1\n".encode("utf-16"), "null byte", 1),
    "cookie against BOM": (b"\xef\xbb\xbf# coding: latin-1\nx = 1\n", "", 1),
}


@pytest.mark.parametrize(("data", "reason", "line"), BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_understood_says_why_and_where(lowered: Lower, data: bytes, reason: str, line: int) -> None:
    result = lowered(data)
    assert isinstance(result, FactsFailure)
    assert reason in result.reason
    assert result.line == line or reason == "syntax error"


FINE = {
    "byte order mark": b"\xef\xbb\xbfx = 1\n",
    "latin-1, declared": "# coding: latin-1\nname = 'Zoë'\n".encode("latin-1"),
    "form feed": b"x = 1\n\x0c\ny = 2\n",
    "carriage returns": b"x = 1\r\ny = 2\r\n",
    "no newline at the end": b"x = 1",
    "empty": b"",
    "only a comment": b"# nothing\n",
    "type parameters (3.12)": b"def first[T](items: list[T]) -> T:\n    return items[0]\ntype Row = dict[str, int]\n",
    "nested quotes in an f-string (3.12)": b'x = f"{", ".join(["a"])}"\n',
    "exception groups": b"try:\n    pass\nexcept* ValueError as group:\n    print(group)\n",
    "match": b"match command:\n    case {'go': [x, *rest], **more}:\n        pass\n"
    b"    case str() | None as y:\n        pass\n",
    "walrus and star": b"print(*(y := [1]), sep='')\n",
    "a long list": b"x = [" + b"1, " * 5_000 + b"]\n",
    "a long flat sum of strings": b"x = (" + b"'a' + " * 400 + b"'b')\n",
    "a hundred elifs": b"if a:\n    pass\n" + b"elif a:\n    pass\n" * 100,
}


@pytest.mark.parametrize("data", FINE.values(), ids=FINE.keys())
def test_unusual_but_valid_source_is_analysed(lowered: Lower, data: bytes) -> None:
    assert isinstance(lowered(data), ModuleFacts)


LARGE = {
    "one line of five megabytes": b"x = '" + b"a" * 5_000_000 + b"'\n",
    "one line of a megabyte of items": b"x = [" + b"a, " * 20_000 + b"]\n",
    "one line beyond ASCII": b"x = ['" + "é".encode() * 200_000 + b"', y]\n",
    "thirty thousand empty lines": b"\n" * 30_000 + b"x = 1\n",
    "thirty thousand comments": b"# nosec\n" * 30_000,
    "ten thousand adjacent strings": b"x = (" + b"'a' " * 10_000 + b")\n",
    "a name bound eight thousand times": b"x = 1\n" + b"x = x if x else [x, x]\n" * 8_000,
    "two thousand functions": b"".join(b"def f%d(a, b=1):\n    return a.b(b)\n" % number for number in range(2_000)),
}


@pytest.mark.parametrize("data", LARGE.values(), ids=LARGE.keys())
def test_large_files_are_analysed(lowered: Lower, data: bytes) -> None:
    assert isinstance(lowered(data), ModuleFacts)


def test_a_dependency_of_a_hundred_thousand_lines_is_analysed() -> None:
    lines = b"import a\n\ndef f(x):\n    if x.y:\n        return a.b(x, key='value')\n" * 20_000
    result = from_ast.lower(SourceFile.of("large.py", "large", lines))
    assert isinstance(result, ModuleFacts)
    assert result.lines == 100_001
    assert len(result.body) == 40_000


def test_a_lone_surrogate_is_a_value_like_any_other(lowered: Lower) -> None:
    result = lowered(rb"x = '\ud800', '\udfff'")
    assert isinstance(result, ModuleFacts)
    (statement,) = result.body
    constants = [node.value for node in walk(statement) if isinstance(node, Constant)]
    assert constants == ["\ud800", "\udfff"]


@pytest.mark.parametrize("source", ["b'é'", "'a' b'b'", "'\\x1'", "'\\N{no such character}'", "'\\U00110000'"])
def test_a_literal_no_interpreter_accepts_is_a_syntax_error(lowered: Lower, source: str) -> None:
    result = lowered(f"x = 1\ny = {source}\n")
    assert isinstance(result, FactsFailure)
    assert result.reason.startswith("syntax error: ")


def test_an_integer_of_too_many_digits_is_nobodys_crash(lowered: Lower) -> None:
    result = lowered("x = " + "1" * 10_000)
    assert isinstance(result, ModuleFacts)
    assert [node.kind for node in walk(result.body) if isinstance(node, Opaque)] == ["literal"]
