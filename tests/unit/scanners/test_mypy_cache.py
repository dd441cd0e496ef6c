"""What mypy learned is used again for the same project, never changes an answer, and never reaches another project."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from theodore_loader.paths import cache_dir
from theodore_loader.policy import Policy
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners import mypy_cache
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.mypy import MypyScanner
from theodore_plugin.scanners.mypy_cache import MypyCache, cache_of, pack, unpack
from theodore_plugin.scanners.scanner import ScanContext
from theodore_plugin.settings import Settings
from theodore_plugin.store.catalogue import MYPY

CLEAN = "from demo.other import VALUE\n\nANSWER: int = VALUE\n"
FILES = {"src/demo/__init__.py": CLEAN, "src/demo/other.py": "VALUE = 1\n"}
PYPROJECT = '[project]\nname = "demo"\nversion = "1.0"\n'


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))


@pytest.fixture
def with_base(own_cache, mypy_base, tmp_path):
    """Begin where mypy knows the SDK already; only time depends on it."""
    mypy_base.give(tmp_path / "home")


@pytest.fixture
def project(tmp_path):
    """Write a project and return its folder; given again, only the files named change."""

    def write(files, name="project"):
        for path, text in {"pyproject.toml": PYPROJECT, **files}.items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return tmp_path / name

    return write


def checked(root, *, incremental=True):
    opened = PluginProject.open(root)
    settings = Settings(policy=Policy("any"), incremental=incremental)
    with clean_tree(opened) as tree:
        return MypyScanner().run(tree, ScanContext(opened, settings, 60.0))


def said(result):
    assert result.failures == ()
    return [(str(finding.location), finding.message) for finding in result.findings]


def entries():
    store = MYPY.opened()
    return sorted((entry for entry in store.entries()), key=lambda entry: entry.path)


def large(found):
    return [entry for entry in found if entry.size > 1000]


def test_the_first_check_keeps_one_entry_and_the_second_uses_it(project):
    root = project(FILES)
    assert said(checked(root)) == []
    assert len(large(entries())) == 1
    assert said(checked(root)) == []
    assert len(large(entries())) == 1


@pytest.mark.usefixtures("with_base")
def test_an_edit_of_the_same_length_in_the_same_second_is_seen(project):
    root = project(FILES)
    assert said(checked(root)) == []
    before = (root / "src/demo/other.py").stat()
    project({"src/demo/other.py": "VALUE = x\n"})
    os.utime(root / "src/demo/other.py", (before.st_atime, before.st_mtime))
    assert [place for place, _ in said(checked(root))] == ["src/demo/other.py:1:9"]


@pytest.mark.usefixtures("with_base")
def test_an_edit_of_what_another_module_builds_on_is_seen_there(project):
    root = project(FILES)
    assert said(checked(root)) == []
    project({"src/demo/other.py": "VALUE = ''\n"})
    assert [place for place, _ in said(checked(root))] == ["src/demo/__init__.py:3:15"]
    project({"src/demo/other.py": "VALUE = 2\n"})
    assert said(checked(root)) == []


@pytest.mark.usefixtures("with_base")
def test_findings_of_unchanged_files_are_there_again_at_their_places(project):
    root = project({**FILES, "src/demo/wrong.py": "X: int = ''\n"})
    first = said(checked(root))
    assert [place for place, _ in first] == ["src/demo/wrong.py:1:10"]
    assert said(checked(root)) == first
    project({"src/demo/other.py": "VALUE = 3\n"})
    assert said(checked(root)) == first


@pytest.mark.usefixtures("with_base")
def test_a_removed_module_is_missed(project):
    root = project(FILES)
    assert said(checked(root)) == []
    (root / "src/demo/other.py").unlink()
    assert said(checked(root)) == said(checked(root, incremental=False))


@pytest.mark.parametrize("source", [CLEAN, "ANSWER: int = ''\n"], ids=["clean", "wrong"])
@pytest.mark.usefixtures("with_base")
def test_whatever_is_kept_the_answer_is_that_of_a_run_from_nothing(project, source):
    root = project({**FILES, "src/demo/__init__.py": "import json\n"})
    checked(root)
    project({"src/demo/__init__.py": source})
    assert said(checked(root)) == said(checked(root, incremental=False))


def test_what_is_to_be_signed_neither_reads_nor_writes_anything(project):
    checked(project(FILES), incremental=False)
    assert not (cache_dir() / "mypy").exists()


def test_projects_do_not_share_what_is_learned_from_them(project):
    one, two = PluginProject.open(project(FILES)), PluginProject.open(project(FILES, "another"))
    keys = {cache_of(opened, ("sdk",), "types").project for opened in (one, two)}
    keys.add(cache_of(replace(one, pyproject={"project": {"name": "renamed"}}), ("sdk",), "types").project)
    keys.add(cache_of(one, ("another sdk",), "types").project)
    keys.add(cache_of(one, ("sdk",), "other types").project)
    assert len(keys) == 5


def test_a_project_in_memory_is_not_kept():
    in_memory = PluginProject.from_files({"demo.py": b""}, label="no such folder")
    assert cache_of(in_memory, (), "").project is None


def test_the_third_project_makes_the_base_without_seeing_any_plugin(project):
    checked(project({"src/demo/__init__.py": "X: int = ''\n"}))
    hostile = {"src/demo/__init__.py": "X: int = ''\n", "src/demo/poison.py": "POISON = 'poison'\n"}
    checked(project(hostile, "second"))
    assert len(large(entries())) == 2
    checked(project({"src/demo/__init__.py": "X: int = ''\n"}, "third"))
    contents = [Path(entry.path).read_bytes() for entry in large(entries())]
    assert len(contents) == 4
    assert sum(b"demo" in data for data in contents) == 3
    assert sum(b"poison" in data for data in contents) == 1
    fourth = project({"src/demo/__init__.py": "X: int = ''\n"}, "fourth")
    assert [place for place, _ in said(checked(fourth))] == ["src/demo/__init__.py:1:10"]


def test_only_one_of_several_checks_makes_the_base(tmp_path):
    caches = [MypyCache(MYPY.opened(), "b" * 64, None) for _ in range(4)]
    assert [cache.base_pays() for cache in caches] == [False, False, True, False]
    caches[0].keep_base(b"made")
    assert [cache.base_pays() for cache in caches] == [False] * 4


def test_a_base_whose_making_was_interrupted_is_made_again(monkeypatch):
    monkeypatch.setattr(mypy_cache, "_BASE_SECONDS", 0.0)
    cache = MypyCache(MYPY.opened(), "b" * 64, None)
    assert [cache.base_pays() for _ in range(4)] == [False, False, True, True]


@pytest.mark.usefixtures("with_base")
def test_an_entry_that_was_altered_is_not_used(project):
    root = project({**FILES, "src/demo/wrong.py": "X: int = ''\n"})
    first = said(checked(root))
    for entry in large(entries()):
        data = bytearray(Path(entry.path).read_bytes())
        data[len(data) // 2] ^= 0xFF
        Path(entry.path).write_bytes(bytes(data))
    assert said(checked(root)) == first


@pytest.mark.parametrize(
    "content",
    [b"", b"SQLite format 3\0" + bytes(4096), bytes(range(256)) * 400],
    ids=["empty", "cut", "garbage"],
)
@pytest.mark.usefixtures("with_base")
def test_databases_mypy_cannot_read_are_forgotten_and_the_check_goes_on(project, tmp_path, content):
    """Sealed by us, and yet nothing mypy can use: as after an update of SQLite or an error of mypy's."""
    root = project({**FILES, "src/demo/wrong.py": "X: int = ''\n"})
    first = said(checked(root))
    opened = PluginProject.open(root)
    cache = the_cache(opened)
    folder = tmp_path / "databases"
    unpack(cache.fetch(), folder)
    for path in folder.iterdir():
        path.write_bytes(content)
    cache.store.put(cache.project, pack(folder))
    assert said(checked(root)) == first
    assert said(checked(root)) == first
    assert cache.fetch() is not None


ACT = "    def act(self) -> {}:\n        return {}\n"
WALK = [
    {"src/demo/base.py": "class Base:\n" + ACT.format("int", "1")},
    {"src/demo/other.py": "from demo.base import Base\n\n\nclass Own(Base):\n" + ACT.format("int", "2")},
    {"src/demo/base.py": "class Base:\n" + ACT.format("str", "''")},
    {"src/demo/base.py": "from demo import other\n\n\nclass Base:\n" + ACT.format("int", "other.Own()")},
    {"src/demo/other.py": None, "src/demo/other/__init__.py": "Own: str = 1\n"},
    {"src/demo/other/__init__.py": None, "src/demo/base.py": "from demo.other import Own\n"},
    {"src/json.py": "def loads() -> int: ...\n", "src/demo/base.py": "import json\n\nX: str = json.loads('1')\n"},
    {"src/json.py": None},
]
"""Edits, one after the other; ``None`` removes a file."""


@pytest.mark.thorough
@pytest.mark.usefixtures("with_base")
def test_after_each_of_many_edits_the_answer_is_that_of_a_run_from_nothing(project):
    root = project({"src/demo/__init__.py": ""})
    checked(root)
    for number, edit in enumerate(WALK):
        for path in [path for path, text in edit.items() if text is None]:
            (root / path).unlink()
        project({path: text for path, text in edit.items() if text is not None})
        built_on, from_nothing = checked(root), checked(root, incremental=False)
        assert built_on.findings == from_nothing.findings, number
        assert built_on.failures == from_nothing.failures, number
        assert built_on.coverage == from_nothing.coverage, number


def the_cache(opened):
    """Return the cache exactly as the scanner opens it."""
    from theodore_plugin.scanners.mypy import _cache
    from theodore_plugin.scanners.mypy_types import no_types

    return _cache(ScanContext(opened, Settings(policy=Policy("any")), 60.0), no_types())


@pytest.mark.parametrize("packed", [b"", b"[]", b"7\n", b'[["../x", 1]]\nx', b'[["cache.db", "1"]]\nx', b"\xff\n"])
def test_only_databases_are_unpacked(tmp_path, packed):
    with contextlib.suppress(ValueError, TypeError):
        unpack(packed, tmp_path / "into")
    assert [path.name for path in tmp_path.rglob("*")] in ([], ["into"])


def test_databases_that_were_not_closed_are_not_kept(tmp_path):
    connection = sqlite3.connect(tmp_path / "cache.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE files2 (path TEXT)")
    connection.commit()
    assert pack(tmp_path) is None
    connection.close()
    assert pack(tmp_path) is not None


def test_links_and_too_large_databases_are_not_kept(tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "cache.db").symlink_to(tmp_path / "secret")
    assert pack(tmp_path / "cache") is None
    (tmp_path / "cache" / "cache.db").unlink()
    (tmp_path / "cache" / "cache.db").write_bytes(bytes(1000))
    assert pack(tmp_path / "cache") is not None
    monkeypatch.setattr(mypy_cache, "MAX_BYTES", 500)
    assert pack(tmp_path / "cache") is None


@pytest.mark.usefixtures("with_base")
def test_a_syntax_error_costs_nothing_of_what_was_learned(project):
    root = project(FILES)
    checked(root)
    kept = the_cache(PluginProject.open(root)).fetch()
    project({"src/demo/other.py": "def (\n"})
    assert checked(root).failures
    assert the_cache(PluginProject.open(root)).fetch() == kept
    project({"src/demo/other.py": "VALUE = 1\n"})
    assert said(checked(root)) == []


@pytest.mark.usefixtures("with_base")
def test_checks_of_one_project_at_once_agree(project):
    root = project({**FILES, "src/demo/wrong.py": "X: int = ''\n"})
    first = said(checked(root))
    results = []
    threads = [threading.Thread(target=lambda: results.append(said(checked(root)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [first] * 3


@pytest.mark.usefixtures("with_base")
def test_a_check_that_is_killed_at_any_moment_leaves_a_cache_that_works(project, tmp_path):
    root = project({**FILES, "src/demo/wrong.py": "X: int = ''\n"})
    script = tmp_path / "again.py"
    script.write_text(SCRIPT.format(root=str(root)))
    first = said(checked(root))
    for delay in (0.4, 0.7, 1.0, 1.3):
        process = subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": PYTHONPATH})
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert said(checked(root)) == first


PYTHONPATH = os.pathsep.join(filter(None, sys.path))
SCRIPT = """
from pathlib import Path
from theodore_loader.policy import Policy
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.mypy import MypyScanner
from theodore_plugin.scanners.scanner import ScanContext
from theodore_plugin.settings import Settings

while True:
    opened = PluginProject.open(Path({root!r}))
    with clean_tree(opened) as tree:
        MypyScanner().run(tree, ScanContext(opened, Settings(policy=Policy("any")), 60.0))
"""
