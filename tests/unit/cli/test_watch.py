import errno
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from theodore_plugin.cli.watch import Watched, changes, watch

DEADLINE = 120
"""Seconds after which a test gives up waiting; a loaded machine is slow, a broken watch says nothing at all."""


class Noticed:
    """What :func:`changes` yields, collected by a thread."""

    def __init__(self, watched):
        self._found = queue.Queue()
        threading.Thread(target=self._collect, args=(watched,), daemon=True).start()
        assert self.next() == set()

    def _collect(self, watched):
        try:
            for found in changes(watched):
                self._found.put(found)
        except (OSError, RuntimeError):  # another test of this process takes its descriptors away, long after this one
            return

    def next(self):
        return set(self._found.get(timeout=DEADLINE))

    def until(self, path):
        """Wait for a change of this path; return everything noticed on the way."""
        seen = set()
        while path not in seen:
            seen |= self.next()
        return seen


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "notes"
    (made / "src").mkdir(parents=True)
    (made / "src" / "plugin.py").write_text("one")
    return made


def test_a_change_below_a_folder_is_noticed(folder):
    noticed = Noticed(Watched.of([folder]))
    (folder / "src" / "plugin.py").write_text("two")
    assert folder / "src" / "plugin.py" in noticed.next()


def test_what_no_check_reads_is_no_change(folder):
    output = folder / "report.sarif"
    noticed = Noticed(Watched.of([folder], outputs=[output]))
    for name in (
        ".git/index",
        "src/__pycache__/plugin.pyc",
        ".mypy_cache/x.json",
        "dist/notes.whl",
        ".venv/bin/python",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    for name in ("report.sarif", ".report.sarif.abc.tmp", "src/plugin.py~", "src/.plugin.py.swp", "src/.#plugin.py"):
        (folder / name).write_text("x")
    (folder / "src" / "last.py").write_text("x")
    seen = {path.relative_to(folder).as_posix() for path in noticed.until(folder / "src" / "last.py")}
    assert seen <= {"src/last.py", "src"}


def test_a_folder_inside_a_package_that_is_called_like_a_build_matters(folder):
    assert Watched.of([folder]).matters(folder / "src" / "notes" / "dist" / "x.py")


def test_files_beside_the_folder_are_noticed_also_when_they_are_replaced_or_come_and_go(folder, tmp_path):
    policy = tmp_path / "policy.yaml"
    noticed = Noticed(Watched.of([folder], inputs=[policy]))
    policy.write_text("one")
    assert noticed.next() == {policy}
    (tmp_path / "new").write_text("another")
    (tmp_path / "new").replace(policy)
    assert noticed.next() == {policy}
    policy.unlink()
    assert noticed.next() == {policy}


def test_a_wheel_alone_is_watched(tmp_path):
    wheel = tmp_path / "notes-1-py3-none-any.whl"
    wheel.write_bytes(b"one")
    noticed = Noticed(Watched.of([wheel]))
    wheel.write_bytes(b"other")
    assert noticed.next() == {wheel}


def test_a_folder_that_vanishes_and_returns_is_watched_again(folder, tmp_path):
    noticed = Noticed(Watched.of([folder]))
    folder.rename(tmp_path / "away")
    assert folder in noticed.next()
    shutil.copytree(tmp_path / "away", folder)
    noticed.until(folder)
    (folder / "src" / "later.py").write_text("x")
    noticed.until(folder / "src" / "later.py")


def test_where_the_system_watches_no_more_files_they_are_looked_at(folder, monkeypatch):
    import watchfiles

    real = watchfiles.watch

    def exhausted(*folders, force_polling, **options):
        if not force_polling:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*folders, force_polling=True, poll_delay_ms=50, **options)

    monkeypatch.setattr(watchfiles, "watch", exhausted)
    os.utime(folder / "src" / "plugin.py", (0, 0))  # looking compares times, in whole seconds
    noticed = Noticed(Watched.of([folder]))
    (folder / "src" / "plugin.py").write_text("two and more")
    noticed.until(folder / "src" / "plugin.py")


def test_a_check_that_fails_or_crashes_is_survived_and_what_changed_meanwhile_is_the_next_reason(folder, capfd):
    runs = []

    def check():
        runs.append(1)
        (folder / "src" / f"run{len(runs)}.py").write_text("x")  # somebody saves while the check runs
        if len(runs) == 1:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", "notes")
        if len(runs) == 2:
            raise ZeroDivisionError
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(check, Watched.of([folder]))
    said = capfd.readouterr().err
    assert len(runs) == 3
    assert "notes: No such file or directory" in said
    assert "this is a bug in theodore-plugin: ZeroDivisionError" in said
    assert "changed: src/run1.py" in said


def test_a_closed_pipe_ends_the_watch(folder):
    def check():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        watch(check, Watched.of([folder]))


class Running:
    """The real command, watching."""

    def __init__(self, folder, *options):
        argv = [sys.executable, "-m", "theodore_plugin", "check", str(folder), "--watch", "--advisories", "off"]
        self.process = subprocess.Popen(
            [*argv, "--output-format", "concise", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._watchdog = threading.Timer(DEADLINE, self.process.kill)
        self._watchdog.start()

    def until(self, text):
        """Return what is printed up to the line that contains ``text``."""
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if text in line:
                return "".join(lines)
        raise AssertionError(f"ended without {text!r}:\n{''.join(lines)}")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        rest = self.process.stdout.read()
        self._watchdog.cancel()
        return self.process.wait(), rest

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self._watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def test_a_plugin_is_checked_again_after_every_change_until_ctrl_c(project_folder, plugin_file):
    good = plugin_file.read_text()
    with Running(project_folder) as running:
        assert "pass: page-notes" in running.until("watching")
        plugin_file.write_text(good + "\n\ndef broken(:\n")
        assert "incomplete: page-notes" in running.until("watching")
        plugin_file.write_text(good + "\n\nVALUE = eval(input())\n")
        said = running.until("watching")
        assert "error[dynamic-code-execution]" in said
        assert "changed: src/page_notes/plugin.py" in said
        plugin_file.write_text(good)
        assert "pass: page-notes" in running.until("watching")
        code, rest = running.end()
    assert code == 130
    assert "Traceback" not in rest


def test_a_deleted_project_is_said_and_waited_for(project_folder, tmp_path):
    with Running(project_folder) as running:
        running.until("watching")
        shutil.move(project_folder, tmp_path / "away")
        assert "no such file or folder" in running.until("watching")
        shutil.move(tmp_path / "away", project_folder)
        while "pass: page-notes" not in running.until("watching"):
            pass
        assert running.end()[0] == 130


def test_writing_a_baseline_inside_the_project_does_not_start_another_check(project_folder, plugin_file):
    plugin_file.write_text(plugin_file.read_text() + "\n\nimport hashlib\n\nhashlib.md5(b'x')\n")
    with Running(project_folder, "--write-baseline", str(project_folder / "baseline.json")) as running:
        running.until("watching")
        plugin_file.write_text(plugin_file.read_text() + "\nhashlib.md5(b'y')\n")
        assert "changed: src" in running.until("watching")
        code, rest = running.end()
    assert (code, "changed" in rest) == (130, False)
    assert Path(project_folder / "baseline.json").read_text().count("fingerprint") == 2
