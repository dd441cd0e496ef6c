"""Whatever a tool says, its answer is findings at real places or no answer; there is no third thing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.scanners.custom_answer import Answer, Unusable, read_answer
from theodore_plugin.scanners.custom_definition import definition
from theodore_plugin.scanners.custom_paths import Item, JsonPath, NotThere

LINES = {"a.py": 3, "b.py": 1}
KEYS = ["file", "line", "column", "end", "rule", "message", "level", "items"]
RESULTS = {
    "list": "items[*].items",
    "file": "file",
    "line": "line",
    "column": "column",
    "end_line": "end",
    "end_column": "end",
    "rule": "rule",
    "message": "message",
    "severity": {"path": "level", "table": {"1": "error"}},
}
MINE = definition("mine", {"command": ["x"], "results": RESULTS, "documentation": "https://acme.io/{rule}"}, "x.yaml")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.floats(allow_nan=False),
    st.sampled_from(["a.py", "R1", "", "x" * 70]),
)
results = st.dictionaries(st.sampled_from(KEYS), st.one_of(scalars, st.lists(scalars, max_size=2)))
documents = st.one_of(
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner)),
    st.fixed_dictionaries(
        {"items": st.lists(st.fixed_dictionaries({"items": st.lists(results, max_size=3)}), max_size=3)}
    ),
)


def read(output, mine=MINE):
    return read_answer(output, mine, LINES, lambda said: said if said in LINES else None)


@given(documents)
def test_any_json_is_an_answer_or_unusable(document):
    try:
        answer = read(json.dumps(document).encode())
    except Unusable:
        return
    for finding in answer.findings:
        place = finding.location
        assert 1 <= place.line <= LINES[place.path] + 1
        assert finding.rule.startswith("mine/")
        assert finding.help == f"see https://acme.io/{finding.rule.removeprefix('mine/')}"


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_unusable(output):
    try:
        answer = read(output)
    except Unusable:
        return
    assert isinstance(answer, Answer)


GOOD = {"file": "a.py", "line": 1, "rule": "R1", "message": "text", "column": 1}


def of(*found):
    return json.dumps({"items": [{"items": list(found)}]}).encode()


def test_an_end_before_its_beginning_is_left_out():
    (finding,) = read(of({**GOOD, "line": 2, "end": 1})).findings
    assert (finding.location.line, finding.location.end_line) == (2, None)


def test_long_messages_are_cut_and_laid_on_one_line():
    (finding,) = read(of({**GOOD, "message": "a\n\tb " + "x" * 5000})).findings
    assert finding.message.startswith("a b xxx")
    assert len(finding.message) == 1000


def test_one_wrong_result_makes_all_of_them_worthless():
    with pytest.raises(Unusable, match="result 2: its line is -1"):
        read(of(GOOD, {**GOOD, "line": -1}, GOOD))


def test_lines_of_json():
    mine = definition("mine", {"command": ["x"], "results": {**RESULTS, "list": "$", "format": "json-lines"}}, "x")
    output = f"\n{json.dumps(GOOD)}\n\n{json.dumps({**GOOD, 'file': 'b.py'})}\n".encode()
    assert [finding.location.path for finding in read(output, mine).findings] == ["a.py", "b.py"]
    assert read(b"", mine).findings == ()
    with pytest.raises(Unusable, match="not JSON"):
        read(output + b"{", mine)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a", 1),
        ("b.c[0].d", 2),
        ('"odd key".x', 3),
        ("b.c[1]", 4),
        ("^.up", 5),
        ("$", None),
    ],
    ids=["key", "deep", "quoted", "index", "around", "whole"],
)
def test_paths_lead_where_they_say(path, value):
    document = {"a": 1, "b": {"c": [{"d": 2}, 4]}, "odd key": {"x": 3}}
    item = Item(document, {"up": 5})
    assert JsonPath.parse(path).value(item) == (document if value is None else value)


@pytest.mark.parametrize("path", ["x", "a.b", "b.c[7]", "b[0]", "^.a", "b.c.d"])
def test_paths_that_lead_nowhere_say_so(path):
    with pytest.raises(NotThere):
        JsonPath.parse(path).value(Item({"a": 1, "b": {"c": [1]}}, {"up": 5}))
