"""A few failed tests are run once more, alone; a boundary, a crash and a broken-off session are not."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from how_it_ended import Ending
from second_try import MOST, main, objection

SUPPORT = Path(__file__).parents[2] / "support"
ONCE = """
import pathlib
def fails_once(name):
    seen = pathlib.Path(name)
    if not seen.exists():
        seen.touch()
        raise AssertionError(f"{name} was not there yet")
"""


@pytest.fixture
def second_try(tmp_path, monkeypatch, capfd):
    """Run a small project's tests as CI does; returns exit code and output."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["how_it_ended"]\n')
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "once.py").write_text(ONCE)
    for name in [name for name in os.environ if name.startswith("PYTEST")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", str(tmp_path))  # or each session tidies up what others left
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT), str(tmp_path)]))

    def run(tests, *options, name="test_it.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import os, signal, pytest, once\n" + tests)
        code = main([sys.executable, "-m", "pytest", *options], tmp_path)
        return code, capfd.readouterr().out

    return run


def test_what_passes_on_the_second_try_passes_and_is_told(second_try):
    code, told = second_try(
        "@pytest.mark.parametrize('at', ['a::b [c]'])\n"
        "def test_hasty(at): once.fails_once('hasty')\n"
        "@pytest.fixture\ndef left():\n    yield\n    once.fails_once('teardown')\n"
        "def test_untidy(left): pass\n"
        "def test_steady(): pass\n"
    )
    assert code == 0, told
    first, second = told.split("=== SECOND TRY: 2 failed and run once more, alone ===\n")
    assert "1 failed, 2 passed, 1 error" in first
    assert "test_it.py::test_hasty[a::b [c]]\n    AssertionError: hasty was not there yet" in second
    assert "test_it.py::test_untidy\n    AssertionError: teardown was not there yet" in second
    assert "2 passed" in second  # and nothing else was run again
    assert "=== SECOND TRY PASSED: test_it.py::test_hasty[a::b [c]], test_it.py::test_untidy ===" in second


def test_what_fails_twice_fails(second_try):
    code, told = second_try("def test_hasty(): once.fails_once('hasty')\ndef test_wrong(): assert 0\n")
    assert code == 1
    assert "=== SECOND TRY FAILED: " in told


def test_a_skip_is_not_a_pass(second_try):
    code, told = second_try("def test_it():\n    pytest.skip() if os.path.exists('it') else once.fails_once('it')\n")
    assert code == 1
    assert "=== SECOND TRY FAILED: " in told


def test_a_boundary_gets_none(second_try):
    code, told = second_try("def test_it(): once.fails_once('it')\n", name="tests/escapes/test_out.py")
    assert code == 1
    assert "=== NO SECOND TRY: a boundary must hold every time: tests/escapes/test_out.py::test_it ===" in told


def test_a_worker_that_died_gets_none(second_try):
    code, told = second_try("def test_it():\n    os.kill(os.getpid(), signal.SIGKILL)\n", "-n", "1")
    assert code == 1
    assert "=== NO SECOND TRY: not run to its end: test_it.py::test_it ===" in told


def test_a_file_that_cannot_be_imported_gets_none(second_try):
    code, told = second_try("import nothing_of_that_name\n")
    assert code == 2
    assert "=== NO SECOND TRY: the session broke off (pytest's exit code 2) ===" in told


def test_a_session_that_was_killed_gets_none_for_an_earlier_ones_failure(second_try, tmp_path):
    path = tmp_path / ".pytest_cache/v/session/ending"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(asdict(failures(1))))
    assert objection(Ending.read(tmp_path)) == ""
    code, told = second_try("def test_it():\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    assert code == -signal.SIGKILL
    assert "=== NO SECOND TRY: the tests did not tell how they ended ===" in told


def failures(count, folder="tests/unit"):
    return Ending(1, failed={f"{folder}/test_it.py::test_{number}": "" for number in range(count)})


@pytest.mark.parametrize("exit_code", [0, 2, 3, 4, 5])
def test_only_failed_tests_are_a_reason(exit_code):
    ending = failures(1)
    ending.exit_code = exit_code
    assert "broke off" in objection(ending)


def test_more_than_a_few_are_a_defect():
    assert objection(failures(MOST)) == ""
    assert objection(failures(MOST + 1)) == "6 failed, at most 5 may"
    assert objection(failures(0)) == "0 failed, at most 5 may"


@pytest.mark.parametrize(
    "folder", ["tests/escapes", "tests/trust", "tests/rules", "tests/trust/below", "tests/unit/sandbox"]
)
def test_one_failed_boundary_among_others_is_enough(folder):
    ending = failures(1)
    ending.failed |= failures(1, folder).failed
    assert "a boundary must hold every time" in objection(ending)


@pytest.mark.parametrize("kept", ["", "{", "[]", "null", '{"exit_code": 1, "more": 2}'])
def test_a_record_that_cannot_be_read_is_none(kept, tmp_path):
    path = tmp_path / ".pytest_cache/v/session/ending"
    path.parent.mkdir(parents=True)
    path.write_text(kept)
    assert Ending.read(tmp_path) is None
