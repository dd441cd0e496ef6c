"""The folder workers import from: made once, compared with the host's own code, repaired, cleared away."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from theodore_loader.supervise import runtime, runtime_check, runtime_use
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
    file = open_up(folder / "package" / "module.py")
    before = file.stat()
    file.write_text("answer = 43")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def change_bytecode(folder: Path) -> None:
    open_up(folder / "package" / "module.pyc").write_bytes(b"another")


def add_a_module(folder: Path) -> None:
    (open_up(folder / "package" / "module.py").parent / "extra.py").write_text("print('hello')")


def add_bytecode_and_write_it_down(folder: Path) -> None:
    """Keep the books in order; what the host's own code is, they do not say."""
    change_a_byte(folder)
    sums = folder.with_name(folder.name + ".sums")
    forged = {**json.loads(sums.read_text()), "package/module.py": hashlib.sha256(b"answer = 43").hexdigest()}
    sums.write_text(json.dumps(forged))


def remove_a_module(folder: Path) -> None:
    open_up(folder / "package" / "module.py").unlink()


def put_a_link(folder: Path) -> None:
    file = open_up(folder / "package" / "module.py")
    file.rename(folder.parent / "module.py")
    file.symlink_to(folder.parent / "module.py")


def remove_everything(folder: Path) -> None:
    runtime_use._remove(folder)


def forget_the_sums(folder: Path) -> None:
    folder.with_name(folder.name + ".sums").unlink()


def spoil_the_sums(folder: Path) -> None:
    folder.with_name(folder.name + ".sums").write_text("[]")


DAMAGE = {
    change_a_byte: "package/module.py was changed",
    change_bytecode: "package/module.pyc was changed",
    add_a_module: "other files than it should: package/extra.py",
    add_bytecode_and_write_it_down: "package/module.py was changed",
    remove_a_module: "other files than it should: package/module.py",
    put_a_link: "package/module.py is no regular file",
    remove_everything: "cannot be read",
    forget_the_sums: "cannot be read",
    spoil_the_sums: "other files than it should: package/module.pyc",
}


@pytest.mark.parametrize(("damage", "complaint"), DAMAGE.items(), ids=[damage.__name__ for damage in DAMAGE])
def test_whatever_was_changed_is_found(tmp_path, damage, complaint):
    folder = tmp_path / "folder"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "module.py").write_text("answer = 42")
    (folder / "package" / "module.pyc").write_bytes(b"compiled")
    sources = {"package/module.py": hashlib.sha256(b"answer = 42").hexdigest()}
    runtime_check.seal(folder, folder)
    before = runtime_check.signature(folder)
    assert runtime_check.problem(folder, sources) is None
    damage(folder)
    assert complaint in (runtime_check.problem(folder, sources) or "")
    assert runtime_check.signature(folder) != before or complaint.startswith(("cannot", "other")), damage


def damaged(folder: Path) -> Path:
    file = open_up(folder / "theodore_sdk" / "info.py")
    file.write_text("raise SystemExit('replaced')")
    return folder


def test_a_folder_that_was_changed_is_made_anew_when_a_host_starts(home, anew, caplog):
    folder = damaged(anew(home))
    assert anew(home) == folder
    assert "theodore_sdk/info.py was changed; it is made anew" in caplog.text
    program = f"import sys; sys.path.append({str(folder)!r}); import theodore_loader.worker.main"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == [".lock"]


def test_a_folder_that_is_changed_under_a_running_host_is_made_anew_at_its_next_load(home, anew):
    folder = damaged(anew(home))
    assert runtime.runtime_folder(home) == folder
    assert runtime_check.problem(folder, runtime._digests()) is None


def test_a_folder_that_nobody_touched_is_not_read_again(home, anew, monkeypatch):
    anew(home)
    monkeypatch.setattr(runtime_check, "_digest", lambda file: pytest.fail(f"{file} was read again"))
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
    assert runtime_check.problem(answers[0], runtime._digests()) is None


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
