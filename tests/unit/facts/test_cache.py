"""The stored facts: an entry counts only if it is whole and says what was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.paths import cache_dir
from theodore_plugin.facts import from_ast
from theodore_plugin.facts.cache import FactsCache, FrontEnd, _key
from theodore_plugin.facts.lowering import lower_all, lower_dependency
from theodore_plugin.facts.model import ModuleFacts
from theodore_plugin.facts.storage import encode
from theodore_plugin.project import SourceFile
from theodore_plugin.store.catalogue import MIB
from theodore_plugin.store.entry import place
from theodore_plugin.store.store import Store

Make = Callable[..., SourceFile]


def stored(cache: FactsCache, file: SourceFile) -> tuple[ModuleFacts, Path]:
    facts = from_ast.lower(file)
    assert isinstance(facts, ModuleFacts)
    cache.put(file, FrontEnd.OWN, encode(facts))
    return facts, next(path for path in cache.store.folder.rglob("*") if path.is_file())


def test_what_was_stored_comes_back_for_the_same_file_only(tmp_path: Path, source: Make) -> None:
    cache = FactsCache(Store(tmp_path, MIB))
    facts, _ = stored(cache, source("x = 1"))
    assert cache.get(source("x = 1"), FrontEnd.OWN) == facts
    assert cache.get(source("x = 2"), FrontEnd.OWN) is None
    assert cache.get(source("x = 1", "demo/other.py"), FrontEnd.OWN) is None
    assert cache.get(source("x = 1"), FrontEnd.DEPENDENCY) is None


def path_of(cache: FactsCache, file: SourceFile) -> Path:
    return Path(place(str(cache.store.folder), _key(file, FrontEnd.OWN)))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _data: b"",
    "cut off": lambda data: data[:-1],
    "cut off in the digest": lambda data: data[:20],
    "a flipped bit": lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
    "more behind": lambda data: data + b"x",
    "another digest": lambda data: bytes(32) + data[32:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_is_not_believed(tmp_path: Path, source: Make, damage: Callable[[bytes], bytes]) -> None:
    cache = FactsCache(Store(tmp_path, MIB))
    _, entry = stored(cache, source("x = 1"))
    entry.write_bytes(damage(entry.read_bytes()))
    assert cache.get(source("x = 1"), FrontEnd.OWN) is None


def test_a_damaged_entry_is_computed_again(home: Path, source: Make) -> None:
    first = lower_all([source("x = 1")])
    (entry,) = [path for path in home.rglob("*") if path.is_file()]
    entry.write_bytes(b"nonsense")
    assert lower_all([source("x = 1")]) == first
    assert entry.stat().st_size > len(b"nonsense")


def test_an_entry_moved_to_another_files_place_is_not_believed(tmp_path: Path, source: Make) -> None:
    cache = FactsCache(Store(tmp_path, MIB))
    _, entry = stored(cache, source("import os"))
    other = path_of(cache, source("x = 1"))
    other.parent.mkdir(exist_ok=True)
    entry.rename(other)
    assert cache.get(source("x = 1"), FrontEnd.OWN) is None


def test_the_entries_unused_for_longest_go_first(tmp_path: Path, source: Make) -> None:
    cache = FactsCache(Store(tmp_path, MIB))
    files = [source(f"x = {number}") for number in range(20)]
    for age, file in enumerate(files):
        stored(cache, file)
        path = path_of(cache, file)
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    assert cache.get(files[0], FrontEnd.OWN) is not None  # being read, it is no longer the oldest
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    FactsCache(Store(tmp_path, size // 2)).trim()
    kept = [cache.get(file, FrontEnd.OWN) is not None for file in files]
    assert kept[0]
    assert kept[-1]
    assert not any(kept[1:10])
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= size // 2


def test_a_folder_that_others_can_write_is_not_used(home: Path, source: Make) -> None:
    folder = cache_dir() / "facts"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    facts, failures = lower_all([source("x = 1")])
    assert list(facts) == ["demo/example.py"]
    assert not failures
    assert list(folder.iterdir()) == []


def test_a_cache_that_cannot_be_made_costs_nothing_but_time(home: Path, source: Make) -> None:
    home.write_text("a file where the folder should be")
    facts, _ = lower_dependency([source("x = 1")])
    assert list(facts) == ["demo/example.py"]


def test_failures_are_not_remembered(home: Path, source: Make) -> None:
    assert lower_all([source("x = (")])[1]
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_comments_count_in_own_code_and_not_in_dependencies(home: Path, source: Make) -> None:
    file = source("x = 1  # theodore: ignore[some-rule]\ny = 2  # nosec\n")
    for _ in ("computed", "from the cache"):
        (own,), (dependency,) = (lower([file])[0].values() for lower in (lower_all, lower_dependency))
        assert len(own.suppressions) == len(own.blankets) == 1
        assert not dependency.suppressions
        assert not dependency.blankets
        assert own.body == dependency.body


PROGRAM = """
import sys
from theodore_plugin.facts.lowering import lower_all
from theodore_plugin.project import SourceFile
facts, failures = lower_all([SourceFile.of("a.py", "a", b"x = 1\\n"), SourceFile.of("b.py", "b", b"import a\\n")])
print(len(facts), len(failures), "libcst" in sys.modules)
"""


def run() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)


def test_unchanged_files_need_no_parser(home: Path) -> None:
    outputs = [run().communicate()[0].split() for _ in range(2)]
    assert outputs == [["2", "0", "True"], ["2", "0", "False"]]


def test_processes_share_the_folder_without_harm(home: Path) -> None:
    running = [run() for _ in range(4)]
    assert all(process.communicate()[0].startswith("2 0") for process in running)
    entries = [path.name for path in home.rglob("*") if path.is_file()]
    assert len(entries) == 2
    assert not [name for name in entries if name.endswith(".tmp")]
