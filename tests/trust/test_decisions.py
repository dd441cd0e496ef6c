"""The record of decisions: complete, in order, bounded; whoever kills, cuts, edits or fills the disk."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from power_loss import COMPILER, PowerLoss, unflushed

from theodore_loader.errors import Refused
from theodore_loader.trust.decisions import Decision, Decisions, Step, appending, segments
from theodore_loader.trust.decisions.chain import Chain, verify_chain
from theodore_loader.trust.decisions.history import newest_first
from theodore_loader.trust.decisions.tail import START, read_head

WRITER = """
import sys
from pathlib import Path
from theodore_loader.trust.decisions import Decision, Decisions
record = Decisions(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(int(sys.argv[3])):
    record.record(Decision(purpose="load", outcome="accepted", plugin=sys.argv[2], message=f"{number} " + "x" * 3000))
    print(number, flush=True)
"""


def decision(plugin: str = "acme-hello", **fields: object) -> Decision:
    values = {"purpose": "load", "outcome": "accepted", "message": "fine", "plugin": plugin, **fields}
    return Decision(**values)  # type: ignore[arg-type]


def write(home: Path, count: int, plugin: str = "acme-hello") -> Decisions:
    record = Decisions(home)
    for number in range(count):
        record.record(decision(plugin, message=str(number)))
    record.flush()
    return record


def writer(home: Path, plugin: str, count: int = 1_000_000) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(home), plugin, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def segment(home: Path, number: int = 1) -> Path:
    return segments.segment_path(home / "decisions", number)


def edit(home: Path, change: Callable[[list[bytes]], object], number: int = 1) -> None:
    lines = segment(home, number).read_bytes().splitlines(keepends=True)
    change(lines)
    segment(home, number).write_bytes(b"".join(lines))


def whole(home: Path) -> Chain:
    chain = verify_chain(home)
    assert chain.broken is None, chain.broken
    return chain


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def test_everything_that_was_decided_is_there_newest_first(home: Path) -> None:
    record = Decisions(home)
    record.record(decision("acme-hello", version="1.2.0", sha256="a" * 64, purpose="install"))
    record.record(decision("other", message="x"))
    record.record(
        decision(
            outcome="refused",
            rule="revoked",
            message="revoked: stolen key",
            help="use another version",
            stopped_at=6,
            steps=(Step(1, "read", "2 bytes"), Step(3, "publisher", "by somebody", "/home/trust.toml:4")),
            rests_on={"trust file": "b" * 64},
        )
    )
    newest, oldest = newest_first(home, "acme-hello")
    assert (newest.rule, newest.stopped_at, newest.help) == ("revoked", 6, "use another version")
    assert newest.steps[1].where == "/home/trust.toml:4"
    assert newest.rests_on == {"trust file": "b" * 64}
    assert (oldest.purpose, oldest.version, oldest.seq, newest.seq) == ("install", "1.2.0", 1, 3)
    assert [entry.plugin for entry in newest_first(home)] == ["acme-hello", "other", "acme-hello"]
    assert newest.process == os.getpid()


def test_the_record_is_for_its_owner_only(home: Path) -> None:
    write(home, 1)
    folder = home / "decisions"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_text_of_strangers_is_bounded_and_stays_one_line(home: Path) -> None:
    record = Decisions(home)
    record.record(decision(message="a\nb\ud800\u2028\r" + "x" * 1_000_000, rule="r", outcome="refused"))
    (entry,) = newest_first(home)
    assert segment(home).read_bytes().count(b"\n") == 1
    assert len(entry.message) < 3_000
    assert entry.message.startswith("a\nb\\ud800")
    whole(home)


def test_threads_and_processes_share_one_chain(home: Path) -> None:
    others = [writer(home, f"process-{number}", 40) for number in range(3)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: write(home, 25, f"thread-{number}"), range(4)))
    for other in others:
        other.communicate(timeout=300)
        assert other.returncode == 0
    assert whole(home).entries == 3 * 40 + 4 * 25
    for name in ("process-0", "thread-3"):
        told = [int(entry.message.split()[0]) for entry in newest_first(home, name)]
        assert told == sorted(told, reverse=True)


def test_a_killed_writer_loses_nothing_it_was_told_was_recorded(home: Path) -> None:
    for round_number in range(3):
        child = writer(home, f"round-{round_number}")
        assert child.stdout is not None
        time.sleep(0.05 * round_number)
        for _ in range(20):
            told = child.stdout.readline().strip()
        child.kill()
        rest = child.communicate()[0].split()
        last = int(rest[-1] if rest and rest[-1].isdigit() else told)
        write(home, 1, "after")
        numbers = {int(entry.message.split()[0]) for entry in newest_first(home, f"round-{round_number}")}
        assert numbers >= set(range(last + 1))
        whole(home)


@pytest.mark.parametrize("cut", [1, 30, 150])
def test_a_torn_entry_is_removed_and_said_so(home: Path, cut: int) -> None:
    write(home, 3)
    with segment(home).open("ab") as file:
        file.write(segment(home).read_bytes().splitlines(keepends=True)[-1][:-cut])
    assert whole(home).torn > 0
    write(home, 2, "after")
    chain = whole(home)
    assert (chain.entries, chain.torn) == (5, 0)
    assert [entry.torn > 0 for entry in newest_first(home)] == [False, True, False, False, False]


def change_a_word(lines: list[bytes]) -> None:
    lines[2] = lines[2].replace(b'"accepted"', b'"refused"')


def renumber(lines: list[bytes]) -> None:
    lines[2] = lines[2].replace(b'"seq":3', b'"seq":4')


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (change_a_word, 4),
        (renumber, 3),
        (lambda lines: lines.pop(2), 3),
        (lambda lines: lines.insert(2, lines[1]), 3),
        (lambda lines: lines.reverse(), 2),
        (lambda lines: lines.__setitem__(2, b"{}\n"), 3),
        (lambda lines: lines.__setitem__(2, b"\x00" * 50 + b"\n"), 3),
        (lambda lines: lines.__setitem__(2, lines[2].replace(b'"at"', b'"by"')), 3),
        (lambda lines: lines.__setitem__(slice(4, 6), []), 4),
        (lambda lines: lines.__setitem__(5, lines[5].replace(b'"5"', b'"7"')), 6),
        (lambda lines: lines.clear(), 0),
        (lambda lines: lines.__delitem__(slice(3)), 1),
    ],
)
def test_the_first_bad_entry_is_named(home: Path, change: Callable[[list[bytes]], object], line: int) -> None:
    write(home, 6)
    whole(home)
    edit(home, change)
    broken = verify_chain(home).broken
    assert broken is not None
    assert (broken.file, broken.line) == (segment(home), line)


def test_a_cut_record_is_still_found_cut_after_others_were_added(home: Path) -> None:
    write(home, 6)
    edit(home, lambda lines: lines.__setitem__(slice(4, 6), []))
    write(home, 3, "after")
    broken = verify_chain(home).broken
    assert broken is not None
    assert "entries 5 to 6 are missing" in broken.what
    assert [entry.seq for entry in newest_first(home, "after")] == [9, 8, 7]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda head: head.write_bytes(b"\0" * 86)])
def test_a_record_without_its_head_is_not_whole(home: Path, spoil: Callable[[Path], object]) -> None:
    write(home, 2)
    spoil(home / "decisions" / "head")
    for _ in range(2):
        broken = verify_chain(home).broken
        assert broken is not None
        assert "head is missing" in broken.what
        write(home, 1)


def test_a_head_that_was_half_written_leaves_the_one_before(home: Path) -> None:
    head = home / "decisions" / "head"
    record = write(home, 1)
    for seq in range(2, 6):
        before = head.read_bytes()
        record.record(decision())
        record.flush()
        whole_head = head.read_bytes()
        at = next(place for place, byte in enumerate(whole_head) if before[place : place + 1] != bytes((byte,)))
        for cut in (at + 1, at + 30, at + 70):
            head.write_bytes(whole_head[:cut] + before[cut:])
            known = read_head(home / "decisions")
            assert known is not None
            assert known.seq in {seq - 1, seq}
            whole(home)
        head.write_bytes(whole_head)


def test_a_removed_segment_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MAX_SEGMENT", 600)
    write(home, 9)
    assert len(segments.numbers(home / "decisions")) > 3
    whole(home)
    segment(home, 1).unlink()
    broken = verify_chain(home).broken
    assert broken is not None
    assert (broken.file, broken.what) == (segment(home, 1), "this segment is missing")


def test_the_record_is_bounded_and_goes_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MAX_SEGMENT", 600)
    monkeypatch.setattr(segments, "KEPT", 3)
    write(home, 10)
    write(home, 10)
    chain = whole(home)
    assert len(segments.numbers(home / "decisions")) == 3
    assert chain.head.seq == 20
    assert chain.first == 20 - chain.entries + 1
    segment(home, segments.numbers(home / "decisions")[-1]).write_bytes(b"")
    broken = verify_chain(home).broken
    assert broken is not None
    assert "the record was cut" in broken.what


def test_a_segment_that_was_begun_and_not_written_goes_on_from_the_one_before(home: Path) -> None:
    write(home, 2)
    segment(home, 2).touch(0o600)
    write(home, 2)
    assert whole(home).entries == 4


def test_an_entry_that_cannot_be_written_whole_is_not_written_and_the_decision_refused(home: Path) -> None:
    record = write(home, 2)
    before = segment(home).read_bytes()
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 40, kept[1]))
    try:
        with pytest.raises(Refused) as refusal:
            record.record(decision())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
        signal.signal(signal.SIGXFSZ, old)
    assert refusal.value.rule == "decision-not-recorded"
    assert str(segment(home)) in refusal.value.message
    assert segment(home).read_bytes() == before
    record.record(decision())
    whole(home)


def test_a_record_that_others_can_write_is_not_written_to(home: Path) -> None:
    write(home, 1)
    (home / "decisions").chmod(0o777)
    with pytest.raises(Refused, match="can be written by other users"):
        Decisions(home).record(decision())


def test_a_link_in_place_of_a_segment_is_not_followed(home: Path, tmp_path: Path) -> None:
    write(home, 1)
    target = tmp_path / "elsewhere"
    segment(home).rename(target)
    segment(home).symlink_to(target)
    with pytest.raises(Refused) as refusal:
        Decisions(home).record(decision())
    assert refusal.value.rule == "decision-not-recorded"


def test_what_changes_the_host_is_on_disk_at_once_and_loads_are_flushed_together(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    real = os.fsync

    def counting(descriptor: int) -> None:
        flushed.append(descriptor)
        real(descriptor)

    record = write(home, 1)
    monkeypatch.setattr(os, "fsync", counting)
    record.record(decision(purpose="install"))
    assert flushed
    at_once = len(flushed)
    for _ in range(200):
        record.record(decision())
    assert len(flushed) - at_once < 100
    record.flush()
    assert read_head(home / "decisions").seq == 202


def test_a_disk_that_takes_its_time_holds_no_decision_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Decisions.record.__globals__, "FLUSH_AFTER", 600)
    record = write(home, 1)
    record.record(decision())
    reached, go_on = threading.Event(), threading.Event()
    real = os.fsync

    def slow(descriptor: int) -> None:
        if home in Path(os.readlink(f"/proc/self/fd/{descriptor}")).parents:  # not what others of this process flush
            reached.set()
            assert go_on.wait(60)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    flushing = threading.Thread(target=record.flush)
    flushing.start()
    try:
        assert reached.wait(60)
        record.record(decision())
        assert not go_on.is_set()
        assert whole(home).entries == 3
    finally:
        go_on.set()
        flushing.join(60)
    assert read_head(home / "decisions").seq == 2  # what came meanwhile was not this flush's to vouch for
    record.flush()
    assert read_head(home / "decisions") == whole(home).head


def test_what_waits_is_flushed_by_itself_and_when_the_interpreter_ends(home: Path) -> None:
    script = WRITER.replace('print("ready", flush=True)', "Decisions.record.__globals__['FLUSH_AFTER'] = 600")
    subprocess.run([sys.executable, "-c", script, str(home), "a", "3"], check=True, capture_output=True, timeout=300)
    head = read_head(home / "decisions")
    assert head is not None
    assert head.seq == 3
    record = Decisions(home)
    record.record(decision())
    del record
    deadline = time.monotonic() + 60
    while read_head(home / "decisions") == head and time.monotonic() < deadline:
        time.sleep(0.05)
    assert read_head(home / "decisions") == whole(home).head


def test_a_record_that_is_collected_while_another_is_written_to_holds_nothing_up(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Decisions(home)
    real = appending.segments.numbers

    def collecting(folder: Path) -> list[int]:
        other = Decisions(home)
        other._flusher._appender._unflushed[segment(home)] = read_head(folder) or START
        del other
        gc.collect()
        return real(folder)

    record.record(decision())
    monkeypatch.setattr(appending.segments, "numbers", collecting)
    record.record(decision())
    monkeypatch.undo()
    assert whole(home).entries == 2


def test_an_entry_is_json_a_stranger_can_read(home: Path) -> None:
    write(home, 1)
    entry = json.loads(segment(home).read_bytes())
    assert entry["seq"] == 1
    assert entry["prev"] == "0" * 64


RECORDING = """
import os
from theodore_loader.trust.decisions import Decision, Decisions, segments
segments.MAX_SEGMENT = 1500
Decisions.record.__globals__["FLUSH_AFTER"] = 600  # what a slow machine flushes in between would move every cut
record = Decisions(state)
for number in range(6):
    purpose = "install" if number % 2 else "load"
    record.record(Decision(purpose=purpose, outcome="accepted", plugin="acme-hello", message=str(number)))
record.flush()
"""


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
def test_power_lost_at_any_write_leaves_a_record_that_is_whole_and_goes_on(home: Path, tmp_path: Path) -> None:
    template, scratch = tmp_path / "template", tmp_path / "scratch"
    template.mkdir()
    scratch.mkdir()
    write(template, 2, "before")
    changes, states = PowerLoss.build(scratch).cut(RECORDING, template, torn=True, most=100)
    assert unflushed(changes) == []
    counts = set()
    for state in states:
        before = verify_chain(state)
        assert before.broken is None, before.broken
        counts.add(before.entries)
        write(state, 1, "after")
        after = whole(state)
        assert (after.entries, after.torn) == (before.entries + 1, 0)
    assert counts == set(range(2, 9))
