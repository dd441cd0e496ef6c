import json
import os
import threading

import pytest
from jsonschema import Draft202012Validator

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.engine.baseline_file import MAX_BYTES, Entry, entries_before, read_baseline, write_baseline
from theodore_plugin.engine.json_lines import lines

ONE = Entry("1" * 32, "weak-crypto", "src/a.py", "md5 is broken")
OTHER = Entry("2" * 32, "bandit/B310", "src/b.py", "opens “anything” \u202e", reason="only ours")
SCHEMA = json.loads((policies_dir() / "schemas" / "baseline.schema.json").read_bytes())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "baseline.json"


def plain(entry=ONE, **changes):
    return {"fingerprint": entry.fingerprint, "rule": entry.rule, "path": entry.path, "message": "x"} | changes


def refusal(path, content):
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, indent=2).encode())
    with pytest.raises(ConfigurationProblem) as raised:
        read_baseline(path, "notes")
    assert raised.value.help
    return raised.value.message.replace(str(path), "FILE")


def test_what_is_written_is_read_with_the_lines_it_stands_on(path):
    write_baseline(path, {"notes": [OTHER, ONE]})
    entries = read_baseline(path, "notes").entries
    assert [(entry.rule, entry.message, entry.reason) for entry in entries] == [
        ("weak-crypto", "md5 is broken", None),
        ("bandit/B310", "opens “anything” \u202e", "only ours"),
    ]
    assert ['"fingerprint"' in path.read_text().splitlines()[entry.line] for entry in entries] == [True, True]
    Draft202012Validator(SCHEMA).validate(json.loads(path.read_text()))
    assert path.read_text().isascii()


def test_the_same_findings_give_the_same_bytes_and_one_less_is_one_block_less(path):
    write_baseline(path, {"notes": [OTHER, ONE]})
    first = path.read_text()
    write_baseline(path, {"notes": [ONE, OTHER]})
    assert path.read_text() == first
    write_baseline(path, {"notes": [OTHER]})
    assert set(path.read_text().splitlines()) < set(first.splitlines())


def test_other_projects_in_the_file_keep_what_they_have(path):
    write_baseline(path, {"notes": [ONE]})
    write_baseline(path, {"crawler": [OTHER]})
    assert [entry.rule for entry in read_baseline(path, "notes").entries] == ["weak-crypto"]
    assert [entry.rule for entry in entries_before(path, "crawler")] == ["bandit/B310"]
    assert read_baseline(path, "unknown").entries == ()


def test_a_missing_file_is_explained_and_before_the_first_writing_there_is_nothing(path):
    with pytest.raises(ConfigurationProblem) as raised:
        read_baseline(path, "notes")
    assert "--write-baseline" in (raised.value.help or "")
    assert entries_before(path, "notes") == ()


def test_a_missing_folder_is_not_made(tmp_path):
    with pytest.raises(ConfigurationProblem, match="there is no folder"):
        write_baseline(tmp_path / "typo" / "baseline.json", {})
    assert not (tmp_path / "typo").exists()


def test_what_is_no_baseline_is_never_written_over(path):
    path.write_text('{"name": "something else"}')
    with pytest.raises(ConfigurationProblem):
        write_baseline(path, {"notes": [ONE]})
    assert path.read_text() == '{"name": "something else"}'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b'{"schema": 1,\n "projects": {\n', "(line 3, column 1)"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"schema": 1, "schema": 1, "projects": {}}', "duplicate key 'schema'"),
        (b"[" * 100_000, "not acceptable"),
        (b"[" * 80 + b"]" * 80, "nested deeper"),
        (b'{"schema": NaN, "projects": {}}', "NaN is not JSON"),
        (b" " * (MAX_BYTES + 1), "more than the limit"),
        (b"null", "FILE:1: a baseline is an object"),
        ([], "a baseline is an object"),
        ({"schema": 1}, "a baseline is an object"),
        ({"schema": 1, "projects": {}, "more": 1}, "a baseline is an object"),
        ({"schema": 2, "projects": {}}, "FILE:2: version 2 of the format; this release reads 1"),
        ({"schema": "x" * 1000, "projects": {}}, "version"),
        ({"schema": 1, "projects": []}, "FILE:3: `projects` is an object"),
        ({"schema": 1, "projects": {"notes": {}}}, "FILE:4: what a project accepts is a list"),
        ({"schema": 1, "projects": {"notes": [plain(), 3]}}, "FILE:11:"),
        ({"schema": 1, "projects": {"a": [], "notes": [plain(fingerprint="1" * 31)]}}, "FILE:6:"),
        ({"schema": 1, "projects": {"notes": [plain(line=3)]}}, "unknown field `line`"),
        ({"schema": 1, "projects": {"notes": [{}]}}, "missing required field `fingerprint`"),
        ({"schema": 1, "projects": {"notes": [plain(), plain()]}}, "FILE:11: the fingerprint 1111"),
    ],
    ids=lambda value: repr(value)[:40] if not isinstance(value, str) else "",
)
def test_damaged_files_are_refused_with_the_place(path, content, says):
    assert says in refusal(path, content)


def test_a_file_of_nothing_but_mistakes_is_refused_in_a_page(path):
    message = refusal(path, b'{"schema": 1, "projects": {"notes": [' + b"1," * 500_000 + b"1]}}")
    assert message.count("\n") < 25


def test_the_schema_and_the_reader_agree(path):
    validator = Draft202012Validator(SCHEMA)
    for entry in (plain(), plain(reason="r"), plain(rule=""), plain(fingerprint="x"), plain(more=1), {}):
        document = {"schema": 1, "projects": {"notes": [entry]}}
        path.write_text(json.dumps(document))
        try:
            read_baseline(path, "notes")
            readable = True
        except ConfigurationProblem:
            readable = False
        assert readable == validator.is_valid(document), entry


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationProblem, match="not a file"):
        read_baseline(tmp_path / "pipe", "notes")


def test_writers_at_the_same_time_leave_a_whole_file(path):
    many = [Entry(f"{number:032x}", "weak-crypto", "a.py", "x") for number in range(200)]
    threads = [threading.Thread(target=write_baseline, args=(path, {"notes": many})) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_baseline(path, "notes").entries) == 200
    assert list(path.parent.iterdir()) == [path]


def test_every_value_has_its_line():
    text = '{\n "a": [1,\n  {"b\\"}{": "x\\n"}],\n "c": {}, "d": []\n}'
    wanted = {(), ("a",), ("a", 0), ("a", 1), ("a", 1, 'b"}{'), ("c",), ("d",), ("e",)}
    assert lines(text, wanted) == {
        (): 1, ("a",): 2, ("a", 0): 2, ("a", 1): 3, ("a", 1, 'b"}{'): 3, ("c",): 4, ("d",): 4,
    }  # fmt: skip
