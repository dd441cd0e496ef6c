"""Files are replaced whole, all of them or none, with what belongs to them, and never outside the project."""

from __future__ import annotations

import os
import stat

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.fixes import writing
from theodore_plugin.fixes.writing import write

OLD, NEW = b"old\r\n", b"new\n"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.py").write_bytes(OLD)
    (folder / "b.py").write_bytes(OLD)
    return folder


def contents(root):
    return {path.name: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_files_get_their_new_content_and_nothing_is_left_over(root):
    write(root, {"src/a.py": (OLD, NEW), "b.py": (OLD, b"")})
    assert contents(root) == {"a.py": NEW, "b.py": b""}


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o664], ids=oct)
def test_the_mode_stays(root, mode):
    (root / "b.py").chmod(mode)
    write(root, {"b.py": (OLD, NEW)})
    assert stat.S_IMODE((root / "b.py").stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody")
def test_the_owner_stays(root):
    os.chown(root / "b.py", 1234, 4321)
    write(root, {"b.py": (OLD, NEW)})
    assert ((root / "b.py").stat().st_uid, (root / "b.py").stat().st_gid) == (1234, 4321)


def test_a_link_within_the_project_stays_a_link(root):
    (root / "link.py").symlink_to("src/a.py")
    write(root, {"link.py": (OLD, NEW), "src/a.py": (OLD, NEW)})
    assert (root / "link.py").is_symlink()
    assert (root / "src" / "a.py").read_bytes() == NEW


def test_a_link_and_its_file_cannot_become_two_things(root):
    (root / "link.py").symlink_to("src/a.py")
    with pytest.raises(ConfigurationProblem, match="changed differently"):
        write(root, {"link.py": (OLD, NEW), "src/a.py": (OLD, b"other")})
    assert (root / "src" / "a.py").read_bytes() == OLD


def test_nothing_is_written_through_a_link_to_what_is_no_source(root):
    hook = root / ".git" / "hooks" / "post-commit"
    hook.parent.mkdir(parents=True)
    hook.write_bytes(OLD)
    (root / "src" / "a.py").unlink()
    (root / "src" / "a.py").symlink_to(hook)
    with pytest.raises(ConfigurationProblem, match="no source of the plugin"):
        write(root, {"src/a.py": (OLD, NEW)})
    assert hook.read_bytes() == OLD


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_is_written_through_a_link_out_of_the_project(root, tmp_path, kind):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_bytes(OLD)
    (root / "src" / "a.py").unlink()
    if kind == "file":
        (root / "src" / "a.py").symlink_to(outside / "a.py")
    else:
        (root / "src").rmdir()
        (root / "src").symlink_to(outside)
    with pytest.raises(ConfigurationProblem, match="leads out of the project"):
        write(root, {"b.py": (OLD, NEW), "src/a.py": (OLD, NEW)})
    assert (outside / "a.py").read_bytes() == OLD
    assert (root / "b.py").read_bytes() == OLD


@pytest.mark.parametrize("name", ["../outside.py", "/etc/hostname"])
def test_a_path_that_leads_out_is_refused(root, tmp_path, name):
    (tmp_path / "outside.py").write_bytes(OLD)
    with pytest.raises(ConfigurationProblem):
        write(root, {name: (OLD, NEW)})
    assert (tmp_path / "outside.py").read_bytes() == OLD


def test_a_file_that_changed_meanwhile_stops_everything(root):
    (root / "b.py").write_bytes(b"mine\n")
    with pytest.raises(ConfigurationProblem, match="was changed while") as problem:
        write(root, {"src/a.py": (OLD, NEW), "b.py": (OLD, NEW)})
    assert "nothing was written" in (problem.value.help or "")
    assert contents(root) == {"a.py": OLD, "b.py": b"mine\n"}


def test_a_file_that_is_gone_or_no_file_stops_everything(root):
    (root / "b.py").unlink()
    with pytest.raises(ConfigurationProblem, match="no longer there"):
        write(root, {"src/a.py": (OLD, NEW), "b.py": (OLD, NEW)})
    os.mkfifo(root / "b.py")
    with pytest.raises(ConfigurationProblem, match="no regular file"):
        write(root, {"src/a.py": (OLD, NEW), "b.py": (OLD, NEW)})
    assert (root / "src" / "a.py").read_bytes() == OLD


def test_a_link_to_itself_is_an_answer_and_no_crash(root):
    (root / "b.py").unlink()
    (root / "b.py").symlink_to("b.py")
    with pytest.raises(ConfigurationProblem, match="no longer there"):
        write(root, {"b.py": (OLD, NEW)})


@pytest.mark.parametrize("failing", [0, 1])
def test_a_failing_file_system_leaves_everything_as_it_was(root, monkeypatch, failing):
    """The second of two replacements fails, or the flush after the first: what was replaced is put back."""
    calls = []

    def flush(folder):
        calls.append(folder)
        if len(calls) == failing + 1:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "flush_folder", flush)
    with pytest.raises(OSError, match="No space"):
        write(root, {"b.py": (OLD, NEW), "src/a.py": (OLD, NEW)})
    assert contents(root) == {"a.py": OLD, "b.py": OLD}


def test_an_interrupt_leaves_everything_as_it_was(root, monkeypatch):
    def flush(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "flush_folder", flush)
    with pytest.raises(KeyboardInterrupt):
        write(root, {"b.py": (OLD, NEW), "src/a.py": (OLD, NEW)})
    assert contents(root) == {"a.py": OLD, "b.py": OLD}


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_names_the_file(root):
    (root / "src").chmod(0o500)
    try:
        with pytest.raises(OSError, match="Permission denied"):
            write(root, {"b.py": (OLD, NEW), "src/a.py": (OLD, NEW)})
    finally:
        (root / "src").chmod(0o700)
    assert contents(root) == {"a.py": OLD, "b.py": OLD}
