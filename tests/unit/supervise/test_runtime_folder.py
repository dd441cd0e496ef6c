"""The folder workers import from: made once, compared with the host's own code, repaired, cleared away."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from theodore_loader.supervise import runtime, runtime_use
from theodore_loader.supervise.launch import Spawner


@pytest.fixture
def anew(monkeypatch):
    """Return a function that asks for the folder as a host that has just been started does."""

    def ask(home):
        monkeypatch.setattr(runtime, "_examined", {})
        return runtime.runtime_folder(home)

    return ask


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A state folder; whatever a test does to the runtime in it, asking for it again repairs."""
    return tmp_path_factory.mktemp("home")


def open_up(path: Path) -> Path:
    for at in (path, path.parent):
        at.chmod(0o700)
    return path


def change_a_byte(folder: Path) -> None:
    file = open_up(folder / "theodore_loader" / "worker" / "main.py")
    before = file.stat()
    file.write_bytes(file.read_bytes().replace(b"Serve", b"Swerve"[:5]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def change_bytecode(folder: Path) -> None:
    (file,) = (folder / "theodore_loader" / "worker" / "__pycache__").glob("main.*")
    open_up(file).write_bytes(file.read_bytes()[:-1] + b"x")


def add_a_module(folder: Path) -> None:
    (open_up(folder / "msgspec" / "__init__.py").parent / "extra.py").write_text("print('hello')")


def remove_a_module(folder: Path) -> None:
    open_up(folder / "theodore_sdk" / "info.py").unlink()


def put_a_link(folder: Path) -> None:
    file = open_up(folder / "theodore_sdk" / "info.py")
    copy = folder.parent / "info.py"
    file.rename(copy)
    file.symlink_to(copy)


def remove_everything(folder: Path) -> None:
    runtime_use._remove(folder)


def forget_the_sums(folder: Path) -> None:
    folder.with_name(folder.name + ".sums").unlink()


DAMAGE = [
    change_a_byte,
    change_bytecode,
    add_a_module,
    remove_a_module,
    put_a_link,
    remove_everything,
    forget_the_sums,
]


def imports(folder: Path) -> bool:
    program = f"import sys; sys.path.append({str(folder)!r}); import theodore_loader.worker.main"
    return subprocess.run([sys.executable, "-I", "-S", "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_folder_that_was_changed_is_made_anew_at_the_next_start_of_a_host(home, anew, damage, caplog):
    folder = anew(home)
    damage(folder)
    again = anew(home)
    assert again == folder
    assert runtime.runtime_check.problem(again, runtime._digests()) is None
    if damage is not remove_everything:
        assert "made anew" in caplog.text
    if damage is remove_a_module:
        assert imports(again)
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".") and path.name != ".lock"] == []


@pytest.mark.parametrize("damage", [change_a_byte, add_a_module])
def test_a_folder_that_is_changed_under_a_running_host_is_made_anew_at_the_next_load(home, anew, damage):
    folder = anew(home)
    damage(folder)
    assert runtime.runtime_folder(home) == folder
    assert runtime.runtime_check.problem(folder, runtime._digests()) is None


def test_a_folder_that_nobody_touched_is_not_read_again(home, anew, monkeypatch):
    anew(home)
    monkeypatch.setattr(runtime.runtime_check, "_digest", lambda file: pytest.fail(f"{file} was read again"))
    runtime.runtime_folder(home)


def test_threads_that_ask_at_once_get_one_whole_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "_examined", {})
    answers: list[Path] = []
    threads = [
        threading.Thread(target=lambda: answers.append(runtime.runtime_folder(tmp_path / "home"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert runtime.runtime_check.problem(answers[0], runtime._digests()) is None


async def test_folders_of_former_versions_go_when_no_host_uses_them_any_more(home, anew):
    current = anew(home)
    names = {name: current.with_name(name * 64) for name in "abc"}  # unused, in use, used a moment ago
    for folder in names.values():
        (folder / "sub").mkdir(parents=True)
        (folder / "sub").chmod(0o555)
        runtime_use.touch(folder)
    for name in "ab":
        os.utime(names[name].with_name(names[name].name + ".lock"), (0, 0))
    host = Spawner(names["b"])
    host.prepare()
    unfinished = current.with_name(".building-x")
    unfinished.mkdir()
    os.utime(unfinished, (0, 0))
    anew(home)
    assert not names["a"].exists()
    assert names["b"].exists()
    assert names["c"].exists()
    assert not unfinished.exists()
    await host.close()
    anew(home)
    assert not names["b"].exists()
    assert current.exists()
