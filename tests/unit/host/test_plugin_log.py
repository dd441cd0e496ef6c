"""What plugins say is kept, bounded, and never in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from theodore_loader.supervise import plugin_log
from theodore_loader.supervise.plugin_log import PluginLogs
from theodore_loader.supervise.surroundings import LogRecord


def record(text: str, plugin: str = "demo") -> LogRecord:
    return LogRecord(plugin, "stdout", 20, text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def texts(folder: Path, plugin: str = "demo") -> list[str]:
    return [entry["text"] for entry in plugin_log.read(plugin_log.log_path(folder, plugin))]


def test_records_are_kept_by_plugin_and_handed_on(folder):
    seen: list[LogRecord] = []
    logs = PluginLogs(folder, seen.append)
    for said in (record("one"), record("two\nlines \x1b[31m \ud800"), record("other", "second")):
        logs(said)
    logs.close()
    assert texts(folder) == ["one", "two\nlines \x1b[31m \ud800"]
    assert texts(folder, "second") == ["other"]
    assert len(seen) == 3
    assert plugin_log.log_path(folder, "demo").read_bytes().count(b"\n") == 2
    assert plugin_log.log_path(folder, "demo").stat().st_mode & 0o777 == 0o600


def test_two_files_are_kept_and_the_newest_records_are_in_them(folder, monkeypatch):
    monkeypatch.setattr(plugin_log, "MAX_BYTES", 2000)
    logs = PluginLogs(folder, lambda _record: None)
    for number in range(200):
        logs(record(f"line {number}"))
    kept = texts(folder)
    assert kept[-1] == "line 199"
    assert kept == [f"line {number}" for number in range(200 - len(kept), 200)]
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 4000
    logs.close()


def test_two_hosts_that_rotate_lose_nothing_of_the_newest_file(folder, monkeypatch):
    monkeypatch.setattr(plugin_log, "MAX_BYTES", 1000)
    first, second = (PluginLogs(folder, lambda _record: None) for _ in range(2))
    for number in range(40):
        (first, second)[number % 2](record(f"line {number}"))
    kept = texts(folder)
    assert kept[-2:] == ["line 38", "line 39"]
    assert kept == sorted(kept, key=lambda text: int(text.split()[1]))
    first.close()
    second.close()


def test_log_that_cannot_be_written_stops_nobody(folder):
    folder.parent.mkdir(exist_ok=True)
    folder.mkdir(mode=0o700)
    plugin_log.log_path(folder, "demo").symlink_to("/dev/null")
    seen: list[LogRecord] = []
    logs = PluginLogs(folder, seen.append)
    logs(record("said"))
    assert logs.lost == 1
    assert len(seen) == 1


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"ts": "now"}', b"\xff\xfe", b"null", b"1" * 5000])
def test_torn_and_foreign_lines_are_left_out(folder, line):
    logs = PluginLogs(folder, lambda _record: None)
    logs(record("whole"))
    logs.close()
    with plugin_log.log_path(folder, "demo").open("ab") as file:
        file.write(line + b"\n")
    assert texts(folder) == ["whole"]


def test_no_descriptor_stays_open(folder):
    before = len(os.listdir("/proc/self/fd"))
    logs = PluginLogs(folder, lambda _record: None)
    for number in range(20):
        logs(record("x", f"plugin-{number}"))
    logs.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_log_that_cannot_be_rotated_costs_no_descriptor(folder, monkeypatch):
    monkeypatch.setattr(plugin_log, "MAX_BYTES", 500)
    plugin_log.older(plugin_log.log_path(folder, "demo")).mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    logs = PluginLogs(folder, lambda _record: None)
    logs(record("x" * 400))
    with (folder / "next").open("wb") as before:
        number = before.fileno()
    for _ in range(5):
        logs(record("x" * 400))
    with (folder / "next").open("wb") as after:
        assert after.fileno() <= number + 1
    logs.close()
    assert logs.lost == 5
