"""Files that break their parser: each is named with the reason, and no other file notices."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from theodore_plugin.facts import pool
from theodore_plugin.facts.cache import FrontEnd
from theodore_plugin.facts.lowering import lower_all, lower_dependency
from theodore_plugin.facts.model import FactsFailure
from theodore_plugin.facts.pool import Budget, lower_in_workers
from theodore_plugin.project import SourceFile

if TYPE_CHECKING:
    import pytest

Make = Callable[..., SourceFile]

ENDLESS = "match x:\n    case " + "{1: " * 16 + "a" + "}" * 16 + ":\n        pass\n"
"""libcst's time grows at least threefold with every brace."""
CRASHING = 'x = f"{\'"\'}" + ' + "(" * 5_000 + "1" + ")" * 5_000 + "  # '"
"""The quotes hide the parentheses from a scan; libcst ends with a segmentation fault."""


def test_a_parser_that_does_not_end_is_stopped(home: Path, source: Make) -> None:
    files = [source("x = 1", "a.py"), source(ENDLESS, "b.py"), source("y = 1", "c.py")]
    started = time.monotonic()
    facts, failures = lower_all(files, budget=Budget(seconds=3))
    assert time.monotonic() - started < 30
    assert list(facts) == ["a.py", "c.py"]
    assert failures == (FactsFailure("b.py", "analysing it exceeded 3 s"),)


def test_a_crash_of_the_parser_is_the_end_of_one_file(home: Path, source: Make) -> None:
    files = [source(CRASHING, "a.py"), source("x = 1", "b.py")]
    facts, (failure,) = lower_all(files)
    assert list(facts) == ["b.py"]
    assert failure.path == "a.py"
    assert "crashed (SIGSEGV)" in failure.reason


def test_the_worker_after_a_crash_is_a_new_one(source: Make) -> None:
    files = [source(CRASHING, "a.py"), source("x = 1", "b.py"), source(CRASHING, "c.py"), source("y = 1", "d.py")]
    answers = {file.path: answer for file, answer in lower_in_workers(files, FrontEnd.OWN, processes=1)}
    assert [path for path in sorted(answers) if isinstance(answers[path], FactsFailure)] == ["a.py", "c.py"]


def test_memory_beyond_the_budget_is_reported_as_such(source: Make) -> None:
    file = source("x = [" + "1, " * 400_000 + "]")
    ((_, answer),) = lower_in_workers([file], FrontEnd.DEPENDENCY, processes=1, budget=Budget(memory_mib=80))
    assert isinstance(answer, FactsFailure)
    assert "memory" in answer.reason or "80 MiB" in answer.reason


def test_a_worker_that_cannot_start_says_so(source: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_import_path", lambda: ["/nowhere"])
    ((_, answer),) = lower_in_workers([source("x = 1")], FrontEnd.OWN, processes=1)
    assert isinstance(answer, FactsFailure)
    assert "ended with status 1" in answer.reason
    assert "ModuleNotFoundError" in answer.reason


def test_workers_give_the_same_facts_as_this_process(home: Path, source: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        source(f"import m{number}\nx = f'{{m{number}}}'  # nosec\n" * 300, f"m{number}.py") for number in range(20)
    ]
    here = lower_all(files[:10])[0] | lower_all(files[10:])[0]
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(home / "another"))
    monkeypatch.setattr("theodore_plugin.facts.lowering.INLINE_BYTES", dict.fromkeys(FrontEnd, 0))
    assert lower_all(files) == (here, ())
    assert [path for path in home.rglob("*") if path.is_file()]


def test_newer_syntax_in_a_dependency_is_not_trusted_to_libcst_here(home: Path, source: Make) -> None:
    endless = "type X = int\ntype Y[T: int = str] = int\n" + ENDLESS
    _, (failure,) = lower_dependency([source(endless)], budget=Budget(seconds=2))
    assert "exceeded 2 s" in failure.reason


def test_no_worker_outlives_its_files(source: Make) -> None:
    started: list[int] = []
    for _, _ in lower_in_workers([source("x = 1")], FrontEnd.DEPENDENCY, processes=2):
        started = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _is_worker(path)]
    assert started
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


def _is_worker(process: Path) -> bool:
    try:
        ours = f"PPid:\t{Path('/proc/self').resolve().name}\n" in (process / "status").read_text()
        return ours and b"theodore_plugin.facts.worker" in (process / "cmdline").read_bytes()
    except OSError:
        return False
