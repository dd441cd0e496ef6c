"""``theodore-plugin logs`` as a user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from theodore_loader.supervise.access_log import AccessLog
from theodore_loader.supervise.plugin_log import PluginLogs, log_path
from theodore_loader.supervise.surroundings import LogRecord
from theodore_plugin.cli import log_lines, main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path))
    logs = PluginLogs(tmp_path / "logs", lambda _record: None)
    for number in range(5):
        logs(LogRecord("demo", "stdout", 20, f"line {number}"))
    logs(LogRecord("demo", "demo.fetch", 40, "failed \x1b[2J\nforged line"))
    logs.close()
    access = AccessLog(tmp_path / "logs", "demo")
    access.record("network", "api.example.com:443", granted=True, source="broker")
    access.record("filesystem:read", "/etc/shadow", granted=False, source="hook", location="plugin.py:7")
    access.close()
    return tmp_path / "logs"


def test_last_lines_are_shown_with_strangers_text_made_visible(folder, capsys):
    assert main(["logs", "demo", "-n", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1].strip() for line in lines[:2]] == ["stdout line 3", "stdout line 4"]
    assert len(lines) == 3
    assert "\x1b" not in lines[2]
    assert "error" in lines[2]
    assert "forged line" in lines[2]


def test_level_leaves_out_what_is_less_grave(folder, capsys):
    main(["logs", "demo", "--level", "warning"])
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_access_log_and_what_was_denied(folder, capsys):
    main(["logs", "demo", "--access"])
    assert len(capsys.readouterr().out.splitlines()) == 2
    main(["logs", "demo", "--denied"])
    (line,) = capsys.readouterr().out.splitlines()
    assert "denied  filesystem:read /etc/shadow at plugin.py:7 [hook]" in line


def test_json_is_one_record_a_line(folder, capsys):
    main(["logs", "demo", "--format", "json"])
    assert [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()][:2] == ["line 0", "line 1"]


@pytest.mark.parametrize("name", ["other", "../logs/demo", "*", ""])
def test_unknown_name_lists_those_there_are(folder, capsys, name):
    assert main(["logs", name]) == 2
    assert "plugins with one: demo" in capsys.readouterr().err


def test_following_goes_on_through_a_rotated_file(folder):
    seen: list[str] = []
    wanted = log_lines.Wanted(log_path(folder, "demo"), access=False, level=0, denied=False)
    done = threading.Event()

    def read() -> None:
        for entry in log_lines.followed(wanted, 1):
            seen.append(entry["text"])
            if entry["text"] == "last":
                done.set()
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while not seen:
        time.sleep(0.02)
    logs = PluginLogs(folder, lambda _record: None)
    logs(LogRecord("demo", "stdout", 20, "before"))
    while "before" not in seen:
        time.sleep(0.02)
    path = log_path(folder, "demo")
    path.rename(path.with_name(path.name + ".1"))
    logs.close()
    for text in ("after", "last"):
        logs(LogRecord("demo", "stdout", 20, text))
    logs.close()
    assert done.wait(10)
    assert seen[1:] == ["before", "after", "last"]


def test_half_a_line_is_waited_for(folder):
    wanted = log_lines.Wanted(log_path(folder, "demo"), access=False, level=0, denied=False)
    whole = json.dumps({"ts": 1.0, "source": "stdout", "level": 20, "text": "whole"}).encode() + b"\n"
    lines = log_lines.followed(wanted, 1)
    next(lines)
    with log_path(folder, "demo").open("ab", buffering=0) as file:
        file.write(whole[:20])
        threading.Timer(0.3, lambda: file.write(whole[20:]) if not file.closed else None).start()
        assert next(lines)["text"] == "whole"


def test_a_line_and_a_file_of_any_size_fill_no_memory(folder, monkeypatch):
    monkeypatch.setattr(log_lines, "MAX_FILE", 1000)
    path = log_path(folder, "demo")
    wanted = log_lines.Wanted(path, access=False, level=0, denied=False)
    said = json.dumps({"ts": 1.0, "source": "stdout", "level": 20, "text": "after"}).encode() + b"\n"
    with path.open("ab") as file:
        file.write(b"x" * (3 * log_lines.MAX_LINE) + b"\n")
    with path.open("ab") as file:
        file.write(said)
    assert [entry["text"] for entry in log_lines.last(wanted, 5)] == ["after"]
    lines = log_lines.followed(wanted, 1)
    next(lines)
    with path.open("ab") as file:
        file.write(b"y" * (2 * log_lines.MAX_LINE) + b"\n" + said)
    assert next(lines)["text"] == "after"


def test_interrupt_ends_following_quietly(folder, tmp_path):
    command = [sys.executable, "-m", "theodore_plugin", "logs", "demo", "-f"]
    environment = {**os.environ, "THEODORE_PLUGIN_HOME": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(2)
        _out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in err


@pytest.mark.parametrize("option", [(), ("--access",)])
def test_damaged_lines_are_shown_as_far_as_they_can_be(folder, capsys, option):
    damaged = [
        "[" * 100_000,
        '{"ts": 1e300, "source": "far", "level": 20, "text": "far"}',
        '{"ts": NaN, "source": "nan", "level": 20, "text": "nan"}',
        '{"decision": "deny"}',
        '{"decision": ["deny"]}',
        "{}",
        '{"decision": "deny", "ts": 7, "resource": "seven"}',
    ]
    name = "demo.access.jsonl" if option else "demo.log.jsonl"
    with (folder / name).open("a") as file:
        file.write("\n".join(damaged) + "\n")
    assert main(["logs", "demo", "-n", "2", *option]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    assert all(line.startswith("??:??:??.???") for line in shown)
