"""The access log under hostile text, damage, floods and restarts."""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theodore_loader.channel import codec
from theodore_loader.errors import AccessNotRecorded
from theodore_loader.supervise import access_log
from theodore_loader.supervise.access_log import AccessLog
from theodore_loader.supervise.recording import Recorder


@pytest.fixture
def log(tmp_path):
    made = AccessLog(tmp_path / "logs", "demo")
    yield made
    made.close()


def lines_of(log):
    return log.path.read_bytes().splitlines(keepends=True)


def test_a_record_says_who_decided_what(log):
    log.record("network", "a:1", granted=True, source="broker", detail="connected to 192.0.2.1")
    log.record("filesystem:read", "/etc/passwd", granted=False, source="hook", location="p.py:3", count=4)
    first, second = access_log.read(log.path)
    assert (first["trust"], first["decision"], first["seq"], first["prev"]) == ("host", "allow", 1, "0" * 64)
    assert (second["trust"], second["decision"], second["n"], second["location"]) == ("worker", "deny", 4, "p.py:3")
    assert (log.granted, log.denied) == (1, 4)


@settings(max_examples=25)
@given(text=st.text() | st.sampled_from(['\n{"seq":99}', "\u202e", "\x1b[2J", "\ud800", "x" * 100_000]))
def test_hostile_text_stays_inside_its_line(tmp_path_factory, text):
    log = AccessLog(tmp_path_factory.mktemp("log"), "demo")
    log.record(text, text, granted=True, source="hook", location=text)
    log.close()
    data = log.path.read_bytes()
    assert data.isascii()
    assert data.count(b"\n") == 1
    assert len(data) < 30_000
    assert json.loads(data)["seq"] == 1
    assert access_log.broken_at(log.path, "0" * 64) is None


@pytest.mark.parametrize("ts", [float("nan"), float("inf"), -1e300, 1e300, 0.0])
def test_a_workers_clock_cannot_break_the_log(log, ts):
    log.record("network", "a:1", granted=True, source="hook", ts=ts)
    assert len(list(access_log.read(log.path))) == 1


@pytest.mark.parametrize("change", ["edit", "remove", "reorder", "insert"])
def test_a_changed_log_shows_where(log, change):
    for number in range(5):
        log.record("network", f"a:{number}", granted=True, source="broker")
    log.close()
    lines = lines_of(log)
    if change == "edit":
        lines[2] = lines[2].replace(b"allow", b"deny")
    elif change == "remove":
        del lines[2]
    elif change == "reorder":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        lines.insert(2, lines[1])
    log.path.write_bytes(b"".join(lines))
    assert access_log.broken_at(log.path, "0" * 64) is not None


def test_a_later_run_continues_the_chain(tmp_path):
    for _ in range(3):
        log = AccessLog(tmp_path, "demo")
        log.record("network", "a:1", granted=True, source="broker")
        log.close()
    assert [entry["seq"] for entry in access_log.read(log.path)] == [1, 2, 3]
    assert access_log.broken_at(log.path, "0" * 64) is None


def test_a_torn_last_line_is_cut_off(tmp_path):
    log = AccessLog(tmp_path, "demo")
    log.record("network", "a:1", granted=True, source="broker")
    log.close()
    with log.path.open("ab") as file:
        file.write(b'{"seq":2,"half')
    again = AccessLog(tmp_path, "demo")
    again.record("network", "a:2", granted=True, source="broker")
    again.close()
    assert [entry["seq"] for entry in access_log.read(log.path)] == [1, 2]
    assert access_log.broken_at(log.path, "0" * 64) is None


def test_size_is_bounded_and_the_chain_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(access_log, "MAX_BYTES", 2000)
    log = AccessLog(tmp_path, "demo")
    for number in range(50):
        log.record("network", f"a:{number}", granted=True, source="broker")
    log.close()
    older = log.path.with_name(log.path.name + ".1")
    assert log.path.stat().st_size <= 2000
    assert older.stat().st_size <= 2000
    assert older.stat().st_mode & 0o777 == 0o600
    last = json.loads(older.read_bytes().splitlines()[-1])
    first = json.loads(log.path.read_bytes().splitlines()[0])
    assert first["seq"] == last["seq"] + 1
    assert access_log.broken_at(log.path) is None


def test_two_writers_do_not_share_a_chain(tmp_path):
    first, second = AccessLog(tmp_path, "demo"), AccessLog(tmp_path, "demo")
    for number in range(3):
        first.record("network", f"a:{number}", granted=True, source="broker")
        second.record("network", f"b:{number}", granted=True, source="broker")
    assert first.path != second.path
    for log in (first, second):
        log.close()
        assert access_log.broken_at(log.path, "0" * 64) is None


def test_a_flood_is_counted_and_not_written(log):
    for _ in range(10_000):
        log.record("network", "a:1", granted=False, source="broker")
    assert log.denied == 10_000
    assert len(lines_of(log)) < 4_000


def test_a_link_in_place_of_the_log_is_refused(tmp_path):
    (tmp_path / "logs").mkdir(mode=0o700)
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "logs" / "demo.access.jsonl").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match=r"symbolic link|Too many levels|demo"):
        AccessLog(tmp_path / "logs", "demo").record("network", "a", granted=True, source="broker")
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_flood_of_worker_reports_crowds_out_no_record_of_the_broker(log):
    for number in range(5 * access_log.RECORDS_PER_SECOND):
        log.record("filesystem:read", f"/{number}", granted=False, source="hook")
    for number in range(5 * access_log.RECORDS_PER_SECOND):
        log.record("registry", f"none.{number}", granted=False, source="broker")
    log.record("network", "evil.example:443", granted=True, source="broker")
    last = list(access_log.read(log.path))[-1]
    assert (last["resource"], last["trust"]) == ("evil.example:443", "host")
    assert access_log.broken_at(log.path) is None


def test_a_record_that_fits_in_part_only_is_an_error_and_leaves_no_trace(log, monkeypatch):
    log.record("network", "a:1", granted=True, source="broker")
    write = os.write
    monkeypatch.setattr(access_log.os, "write", lambda descriptor, data: write(descriptor, data[:20]))
    with pytest.raises(OSError, match="No space left"):
        log.record("network", "a:2", granted=True, source="broker")
    monkeypatch.undo()
    log.record("network", "a:3", granted=True, source="broker")
    assert [entry["resource"] for entry in access_log.read(log.path)] == ["a:1", "a:3"]
    assert access_log.broken_at(log.path, "0" * 64) is None


@pytest.mark.parametrize("fails", ["rename", "open"])
def test_a_rotation_that_fails_keeps_the_descriptor_it_has(log, monkeypatch, fails):
    log.record("network", "a:1", granted=True, source="broker")
    monkeypatch.setattr(access_log, "MAX_BYTES", 100)
    if fails == "rename":
        log.path.with_name(log.path.name + ".1").mkdir()
    else:
        monkeypatch.setattr(log, "_open", lambda: os.open(log.path / "no", os.O_RDONLY))
    with pytest.raises(OSError, match=r"Is a directory|Not a directory|No such file"):
        log.record("network", "a:2", granted=True, source="broker")
    with (log.path.parent / "another").open("wb") as another:  # would get the number that was closed
        with pytest.raises(OSError, match=r"Is a directory|Not a directory|No such file"):
            log.record("network", "a:3", granted=True, source="broker")
        log.close()
        assert os.fstat(another.fileno()).st_size == 0
    assert access_log.broken_at(log.path, "0" * 64) is None


@pytest.mark.parametrize("crowd", [True, False])
def test_many_decisions_of_one_kind_leave_room_for_the_other(log, crowd):
    for _ in range(5000):
        log.record("network", "crowd:1", granted=crowd, source="broker")
    log.record("network", "one:1", granted=not crowd, source="broker")
    assert list(access_log.read(log.path))[-1]["resource"] == "one:1"


def count_writes(monkeypatch):
    """Return the sizes of all writes from now on."""
    sizes = []
    write = os.write

    def counted(descriptor, data):
        sizes.append(len(data))
        return write(descriptor, data)

    monkeypatch.setattr(access_log.os, "write", counted)
    return sizes


def test_what_is_recorded_together_is_written_at_once_and_chained_like_all_else(log, monkeypatch):
    log.record("network", "a:0", granted=True, source="broker")
    sizes = count_writes(monkeypatch)
    with log.together():
        for number in range(1, 300):
            log.record("network", f"a:{number}", granted=True, source="hook")
    log.record("network", "a:300", granted=True, source="broker")
    monkeypatch.undo()
    assert len(sizes) == 2
    assert [entry["resource"] for entry in access_log.read(log.path)] == [f"a:{number}" for number in range(301)]
    assert access_log.broken_at(log.path, "0" * 64) is None


def test_what_is_recorded_together_goes_into_the_next_file_together(log, monkeypatch):
    log.record("network", "a:0", granted=True, source="broker")
    monkeypatch.setattr(access_log, "MAX_BYTES", log.path.stat().st_size + 100)
    with log.together():
        for number in range(1, 4):
            log.record("network", f"a:{number}", granted=True, source="broker")
    assert [entry["seq"] for entry in access_log.read(log.path)] == [2, 3, 4]
    older = log.path.with_name(log.path.name + ".1")
    assert json.loads(lines_of(log)[0])["prev"] == hashlib.sha256(older.read_bytes()).hexdigest()


def test_of_what_cannot_be_written_together_nothing_stays(log, monkeypatch):
    log.record("network", "a:0", granted=True, source="broker")
    write = os.write
    monkeypatch.setattr(access_log.os, "write", lambda descriptor, data: write(descriptor, data[: len(data) // 2]))

    def record_together():
        with log.together():
            for number in range(1, 9):
                log.record("network", f"a:{number}", granted=True, source="broker")

    with pytest.raises(OSError, match="No space left"):
        record_together()
    monkeypatch.undo()
    log.record("network", "a:9", granted=True, source="broker")
    assert [(entry["seq"], entry["resource"]) for entry in access_log.read(log.path)] == [(1, "a:0"), (2, "a:9")]
    assert access_log.broken_at(log.path, "0" * 64) is None


@pytest.mark.parametrize("writable", [True, False])
def test_a_frame_of_a_workers_observations_costs_one_write_or_ends_it(log, monkeypatch, writable):
    ended, denied = [], []
    recorder = Recorder("demo", log, lambda _line: None, ended.append)
    recorder.denials = lambda source, count: denied.append((source, count))
    seen = [codec.Access(0.0, "filesystem:read", f"/{number}", number % 2 == 0, None, 1) for number in range(256)]
    sizes = count_writes(monkeypatch)
    if not writable:
        monkeypatch.setattr(access_log.os, "write", lambda _descriptor, _data: 0)
    recorder.accesses(codec.Accesses(tuple(seen), 0))
    monkeypatch.undo()
    recorder.close()
    assert denied == [("hook", 1)] * 128
    assert len(list(access_log.read(log.path))) == (256 if writable else 0)
    assert len(sizes) == (1 if writable else 0)
    assert [type(reason) for reason in ended] == ([] if writable else [AccessNotRecorded])


RECORD = '{"seq":%d,"permission":"network","resource":"a:1","decision":"allow"}'
NO_RECORDS = {
    "nothing": "",
    "text": "hello",
    "another-type": "[1]",
    "deeper-than-any-parser": "[" * 60_000,
    "a-number-too-long": "1" * 50_000,
    "without-a-number": '{"permission":"network","resource":"a:1","decision":"allow"}',
    "a-number-that-is-none": '{"seq":"1","permission":"network","resource":"a:1","decision":"allow"}',
    "longer-than-any-record": RECORD % 7 + " " * 200_000,
    "not-utf-8": "\udcff",
}


@pytest.mark.parametrize("line", NO_RECORDS.values(), ids=NO_RECORDS.keys())
def test_lines_that_are_no_records_are_counted_and_left_out(tmp_path, caplog, line):
    path = tmp_path / "demo.access.jsonl"
    lines = [RECORD % 1, line, RECORD % 2, line, RECORD % 3, line]
    path.write_bytes("".join(f"{one}\n" for one in lines).encode(errors="surrogateescape"))
    assert [entry["seq"] for entry in access_log.read(path)] == [1, 2, 3]
    assert caplog.messages == [f"{path}: lines that are no records of an access log, left out: 3"]
    assert access_log.broken_at(path) == 2


def test_a_log_without_an_end_is_read_in_pieces(tmp_path):
    path = tmp_path / "demo.access.jsonl"
    with path.open("wb") as file:
        file.truncate(20 * 1024 * 1024)
    tracemalloc.start()
    assert list(access_log.read(path)) == []
    assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    tracemalloc.stop()


@pytest.mark.parametrize("use", [lambda path: list(access_log.read(path)), access_log.broken_at])
def test_what_is_no_file_is_not_read_as_a_log(tmp_path, use):
    path = tmp_path / "demo.access.jsonl"
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file") as caught:
        use(path)
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("name", ["demo.access.jsonl", "demo.access.lock"])
def test_nothing_is_written_to_a_pipe_in_place_of_a_log(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(OSError, match="not a regular file"):
        AccessLog(tmp_path, "demo")


@pytest.mark.parametrize("garbage", [b"x" * 300_000, b"x" * 300_000 + b"\n", b"\xff\n" * 10, b"\n" * 200_000])
def test_a_log_goes_on_after_whatever_is_in_the_file(tmp_path, garbage):
    (tmp_path / "demo.access.jsonl").write_bytes(garbage)
    log = AccessLog(tmp_path, "demo")
    for number in range(2):
        log.record("network", f"a:{number}", granted=True, source="broker")
    log.close()
    assert [entry["resource"] for entry in access_log.read(log.path)] == ["a:0", "a:1"]
    assert log.path.read_bytes().startswith(garbage[: garbage.rfind(b"\n") + 1])
