"""``theodore-plugin ps`` and ``top``: what running hosts answer, on a terminal and as JSON."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from theodore_loader.supervise.control import Control
from theodore_loader.supervise.status import PluginStatus, State
from theodore_plugin.cli import main
from theodore_plugin.cli.running import age, rows, screen

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def status(name: str, **changes: object) -> PluginStatus:
    fields: dict[str, object] = {
        "name": name,
        "version": "1.2.0",
        "state": State.READY,
        "pid": 4711,
        "tier": "standard",
        "since": NOW - timedelta(minutes=5),
        "restarts": 0,
        "last_error": None,
        "retry_at": None,
        "in_flight": 1,
        "calls": 1234,
        "draining": 0,
        "health": "healthy",
        "marks": (),
    }
    return PluginStatus(**{**fields, **changes})  # type: ignore[arg-type]


PLUGINS = (
    status("acme-scraper"),
    status(
        "broken-one",
        state=State.QUARANTINED,
        pid=None,
        tier=None,
        last_error="a frame of 9 bytes\x1b[2J was announced",
        marks=("unsigned",),
        restarts=3,
    ),
)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a host's status from a thread with a loop of its own."""
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    served = Control(tmp_path, lambda: PLUGINS)
    asyncio.run_coroutine_threadsafe(served.start(), loop).result(10)
    yield tmp_path
    asyncio.run_coroutine_threadsafe(served.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)
    loop.close()


def test_ps_shows_every_plugin_and_what_is_wrong_with_it(host, capsys):
    assert main(["ps"]) == 0
    out = capsys.readouterr().out
    assert f"host {os.getpid()}" in out
    assert "acme-scraper 1.2.0" in out
    assert "[unsigned]" in out
    assert "quarantined" in out
    assert "\x1b" not in out
    assert "was announced" in out


def test_ps_as_json(host, capsys):
    main(["ps", "--format", "json"])
    answer = json.loads(capsys.readouterr().out)
    assert [plugin["name"] for plugin in answer["hosts"][0]["plugins"]] == ["acme-scraper", "broken-one"]
    assert answer["home"] == str(host)


def test_no_host_is_no_error_and_exit_3(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path))
    assert main(["ps"]) == 3
    assert "no host is running" in capsys.readouterr().out


@pytest.mark.parametrize("width", [72, 80, 120])
def test_what_matters_most_has_room_on_a_narrow_terminal(width):
    answer = {"pid": 1, "since": NOW.timestamp(), "python": "3.11.7", "program": "app.py", "plugins": []}
    answer["plugins"] = [
        {
            **row,
            "metrics": {"usage": {"cpu_percent": 12.4, "memory_bytes": 5 << 20}, "calls": 9, "denials": {"hook": 2}},
        }
        for row in map(_plain, PLUGINS)
    ]
    console = Console(file=io.StringIO(), width=width, record=True, markup=False, highlight=False)
    console.print(screen([answer], width, now=NOW))
    text = console.export_text()
    assert "acme-scraper 1.2.0" in text
    assert "12 %" in text
    assert "5.0 MiB" in text
    assert ("5m 0s" in text) == (width >= 100)
    assert max(map(len, text.splitlines())) <= width


def _plain(row: PluginStatus) -> dict[str, object]:
    import msgspec

    return msgspec.json.decode(msgspec.json.encode(row))


def test_rows_are_sorted_by_what_is_asked_for():
    host = {"plugins": [_plain(status("b", calls=1)), _plain(status("a", calls=2))]}
    assert [row.name for row in rows(host)] == ["a", "b"]
    assert [row.name for row in rows(host, "calls")] == ["a", "b"]
    assert [row.name for row in rows(host, "cpu")] == ["b", "a"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (61, "1m 1s"), (3600, "1h 0m"), (90000, "1d 1h"), (-5, "0s")]
)
def test_age(seconds, text):
    assert age(NOW - timedelta(seconds=seconds), NOW) == text


def test_top_draws_on_a_terminal_and_q_ends_it_with_the_terminal_restored(host):
    master, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
    command = [sys.executable, "-m", "theodore_plugin", "top", "--interval", "0.2"]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as process:
        seen = _until(master, b"broken-one")
        os.write(master, b"mq")
        seen += _drained(master, process)
        assert process.wait(10) == 0
    os.close(terminal)
    os.close(master)
    assert b"acme-scraper" in seen
    assert b"\x1b[?1049l" in seen  # back from the alternate screen


def test_top_without_a_terminal_says_what_to_use(host, capsys):
    assert main(["top"]) == 2
    assert "theodore-plugin ps" in capsys.readouterr().err


def _until(master: int, wanted: bytes) -> bytes:
    seen, end = b"", time.monotonic() + 20
    while wanted not in seen and time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
    return seen


def _drained(master: int, process: subprocess.Popen[bytes]) -> bytes:
    seen = b""
    while process.poll() is None or select.select([master], [], [], 0.1)[0]:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
    return seen
