"""A running host says what it runs, to its own user, and leaves no socket behind."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from theodore_loader.supervise import control
from theodore_loader.supervise.control import Control, hosts


@dataclass(frozen=True)
class Row:
    name: str
    state: str


async def ask(home: Path) -> list[dict[str, object]]:
    return await asyncio.to_thread(lambda: list(hosts(home)))


@pytest.fixture(params=["short", "deep"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / ("x" * 80) / ("y" * 80) if request.param == "deep" else tmp_path / "home"
    folder.mkdir(parents=True, mode=0o700)
    return folder


async def test_every_running_host_answers_and_none_that_has_closed(home):
    rows: list[Row] = []
    first, second = (Control(home, lambda: tuple(rows)) for _ in range(2))
    await first.start()
    await first.start()
    await second.start()
    rows.append(Row("demo", "ready"))
    answers = await ask(home)
    assert [answer["pid"] for answer in answers] == [os.getpid()] * 2
    assert answers[0]["plugins"] == [{"name": "demo", "state": "ready"}]
    await first.close()
    assert len(await ask(home)) == 1
    await second.close()
    await second.close()
    assert await ask(home) == []
    assert list((home / control.FOLDER).iterdir()) == []


async def test_socket_is_the_users_alone(home):
    served = Control(home, tuple)
    await served.start()
    (path,) = (home / control.FOLDER).iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    await served.close()


async def test_socket_of_a_killed_host_is_removed(home):
    folder = home / control.FOLDER
    folder.mkdir(mode=0o700)
    dead = folder / "1-1.sock"
    with socket.socket(socket.AF_UNIX) as listener, control._short(dead) as name:
        listener.bind(name)
        listener.listen()
    assert await ask(home) == []
    assert not dead.exists()


async def test_peer_that_does_not_read_or_leaves_disturbs_nobody(home, monkeypatch):
    monkeypatch.setattr(control, "ANSWER_SECONDS", 3.0)
    rows = tuple(Row("x" * 1000, "ready") for _ in range(1000))
    served = Control(home, lambda: rows)
    await served.start()
    (path,) = (home / control.FOLDER).iterdir()
    with ExitStack() as opened:
        idle = [opened.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(4)]
        with control._short(path) as name:
            for connection in idle:
                connection.connect(name)
            idle[0].close()
            answers = await ask(home)
        monkeypatch.setattr(control, "ANSWER_SECONDS", 0.2)
        await served.close()
    assert len(answers[0]["plugins"]) == 1000


async def test_nonsense_in_the_folder_is_no_host(home):
    folder = home / control.FOLDER
    folder.mkdir(mode=0o700)
    (folder / "file.sock").write_text("not a socket")
    (folder / "link.sock").symlink_to("/nonexistent")
    assert await ask(home) == []
