import compileall
import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import theodore_loader
import theodore_plugin
from theodore_loader.paths import cache_dir
from theodore_plugin.cli import main, replay
from theodore_plugin.cli import permission_answer as computing
from theodore_plugin.project.shipping import NEVER_SHIPPED
from theodore_plugin.store.catalogue import ANSWERS
from theodore_plugin.store.entry import seal
from theodore_plugin.survey.witness import LEFT_OUT, UNSEEN

CODE = "import os\n\n\ndef f():\n    os.getenv('HOME')\n"


@pytest.fixture(scope="module", autouse=True)
def _bytecode():
    """Compile the tool before an answer depends on its files: a fresh checkout would still be writing bytecode."""
    for module in (theodore_plugin, theodore_loader):
        compileall.compile_dir(Path(module.__file__).parent, quiet=1)
    settle()


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "parcel"
    folder.mkdir()
    (folder / "__init__.py").write_text(CODE)
    settle()
    return folder


def settle():
    """Let files grow older than the clock of file systems is coarse; younger ones are not trusted to be unchanged."""
    time.sleep(0.08)


@pytest.fixture
def computed(monkeypatch):
    """Count how often an answer is computed instead of repeated."""
    times = []
    compute = computing.answer

    def counted(asked):
        times.append(asked)
        return compute(asked)

    monkeypatch.setattr(computing, "answer", counted)
    return times


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main(["permissions", *map(str, arguments)])
        return code, *capsys.readouterr()

    return call


def test_an_unchanged_package_is_answered_from_the_cache_word_for_word(run, package, computed):
    first = run(package)
    assert run(package) == first
    assert len(computed) == 1
    assert "HOME" in first[1]


def test_incomplete_answers_are_repeated_with_their_code_and_their_complaint(run, package, computed):
    (package / "broken.py").write_text("def (\n")
    settle()
    first = run(package)
    assert first[0] == 4
    assert "not analysed" in first[2]
    assert run(package) == first
    assert len(computed) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "__init__.py").write_text("import os\n\n\ndef f():\n    os.getenv('PATH')\n"),
        lambda folder: (folder / "more.py").write_text("X = 1\n"),
        lambda folder: (folder / "__init__.py").rename(folder / "other.py"),
        lambda folder: (folder / "fast.so").write_bytes(b"\x7fELF"),
        lambda folder: (folder / "pyproject.toml").write_text("[project]\nname = 'x'\n"),
        lambda folder: (folder / "link.py").symlink_to("__init__.py"),
    ],
    ids=["content", "added", "renamed", "native", "metadata", "link"],
)
def test_any_change_that_matters_is_computed_again(run, package, computed, change):
    run(package)
    change(package)
    run(package)
    assert len(computed) == 2


def test_the_same_size_and_times_do_not_deceive(run, package, computed):
    run(package)
    path = package / "__init__.py"
    before = path.stat()
    path.write_text(CODE.replace("HOME", "PATH"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "PATH" in run(package)[1]
    assert len(computed) == 2


def test_what_does_not_matter_changes_nothing(run, package, computed):
    run(package)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.pyc").write_bytes(b"")
    os.utime(package / "__init__.py")
    run(package)
    assert len(computed) == 1


def test_other_questions_have_other_answers(run, package, computed, monkeypatch, tmp_path):
    run(package)
    run(package, "--why", "environment")
    run(package, "--format", "json")
    monkeypatch.setenv("COLUMNS", "41")
    run(package)
    monkeypatch.chdir(tmp_path)
    run("parcel")
    assert len(computed) == 5


def test_no_cache_neither_asks_nor_keeps(run, package, computed, own_home):
    run(package, "--no-cache")
    assert not (own_home / "cache" / replay.FOLDER).exists()
    run(package)
    run(package, "--no-cache")
    assert len(computed) == 3


def answers(home):
    return sorted(path for path in (home / "cache" / replay.FOLDER).rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-3],
        lambda data: data.replace(b"HOME", b"PATH"),
        lambda data: seal(data[32:].replace(b"answer 2", b"answer 0")),
        lambda data: seal(replay.FORM + b"not numbers\n"),
        lambda data: os.urandom(len(data)),
    ],
    ids=["empty", "truncated", "altered", "old form", "no numbers", "noise"],
)
def test_a_damaged_answer_is_computed_again_and_replaced(run, package, computed, own_home, damage):
    first = run(package)
    (entry,) = answers(own_home)
    entry.write_bytes(damage(entry.read_bytes()))
    assert run(package) == first
    assert run(package) == first
    assert len(computed) == 2


def test_an_answer_put_under_another_question_is_none(run, package, computed, own_home):
    run(package)
    (entry,) = answers(own_home)
    other = replay.Question(["permissions", str(package), "--why", "network"])
    Path(other.path).parent.mkdir(exist_ok=True)
    entry.rename(other.path)
    assert "nothing inferred" in run(package, "--why", "network")[1]
    assert len(computed) == 2


def test_an_answer_others_could_have_written_is_none(run, package, computed, own_home):
    run(package)
    (entry,) = answers(own_home)
    entry.chmod(0o666)
    run(package)
    assert len(computed) == 2


def test_a_link_in_the_cache_is_not_followed(run, package, computed, own_home, tmp_path):
    run(package)
    (entry,) = answers(own_home)
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    run(package)
    assert len(computed) == 2


def test_a_cache_that_cannot_be_written_is_no_failure(run, package, computed, own_home):
    (own_home / "cache").write_text("in the way")
    assert run(package)[0] == 0
    assert run(package)[0] == 0
    assert len(computed) == 2


def test_a_file_that_changed_while_the_answer_was_computed_is_not_kept(run, package, computed, monkeypatch):
    compute = computing.answer

    def meddled(asked):
        found = compute(asked)
        (package / "__init__.py").write_text(CODE.replace("HOME", "PATH"))
        return found

    monkeypatch.setattr(computing, "answer", meddled)
    assert "HOME" in run(package)[1]
    monkeypatch.setattr(computing, "answer", compute)
    assert "PATH" in run(package)[1]


def test_a_file_that_could_not_be_read_is_not_remembered(run, package, computed):
    (package / "out.py").symlink_to("/etc/hostname.py")
    settle()
    assert run(package)[0] == 4
    assert run(package)[0] == 4
    assert len(computed) == 2


def test_an_installed_distribution_is_repeated_until_a_path_takes_its_name(run, computed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    first = run("iniconfig")
    assert run("iniconfig") == first
    assert len(computed) == 1
    (tmp_path / "iniconfig").mkdir()
    assert run("iniconfig")[0] == 3


def test_the_oldest_answers_make_room(run, package, own_home, monkeypatch):
    monkeypatch.setattr("theodore_plugin.cli.keep.ANSWERS", dataclasses.replace(ANSWERS, max_bytes=4000))
    for number in range(5):
        run(package, "--why", f"environment:{number}")
    kept = answers(own_home)
    assert kept
    assert sum(path.stat().st_size for path in kept) <= 4000


def test_answers_are_private(run, package, own_home):
    run(package)
    (entry,) = answers(own_home)
    assert entry.stat().st_mode & 0o077 == 0
    assert entry.parent.stat().st_mode & 0o077 == 0


def test_the_cache_is_where_everything_else_is_cached(monkeypatch):
    assert replay.Question(["permissions"]).folder == str(cache_dir() / replay.FOLDER)
    monkeypatch.delenv("THEODORE_PLUGIN_HOME")
    assert replay.Question(["permissions"]).folder == str(cache_dir() / replay.FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/tmp/elsewhere")
    assert replay.Question(["permissions"]).folder == str(cache_dir() / replay.FOLDER)


def test_folders_that_are_not_watched_are_never_analysed():
    assert NEVER_SHIPPED.keys() == UNSEEN | LEFT_OUT


def test_a_repeated_answer_imports_none_of_what_computes_it(package, own_home):
    script = (
        "import sys; from theodore_plugin.cli import main; code = main(sys.argv[1:]);"
        "print(sorted(sys.modules.keys() & {'click', 'rich', 'libcst', 'json', 'pathlib', 'typing', 'dataclasses'}))"
    )
    argv = [sys.executable, "-c", script, "permissions", str(package)]
    runs = [subprocess.run(argv, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert "'click'" in runs[0]
    assert runs[1].endswith("[]\n")


def test_a_closed_pipe_ends_a_repeated_answer_quietly(package, own_home):
    argv = [sys.executable, "-m", "theodore_plugin", "permissions", str(package)]
    subprocess.run(argv, capture_output=True, check=True)
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(argv, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == b""
