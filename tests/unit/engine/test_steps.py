import sys
import time
from dataclasses import dataclass, replace

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.analysis import analyse
from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.engine.steps import scanner_step, static_step
from theodore_plugin.finding import Severity
from theodore_plugin.scanners.bandit import BanditScanner
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.scanner import ScanContext, ScannerResult
from theodore_plugin.scanners.tools import unusable


@dataclass
class Odd:
    """A scanner that misbehaves in the way it is told to."""

    problem: Exception | None = None
    entries: tuple = ()
    distribution: str = "bandit"
    name: str = "odd"
    per_file: bool = False
    ttl_seconds: float | None = None

    def fingerprint(self, context):
        return None

    def given(self, context):
        return ("a.py", "b.py")

    def run(self, tree, context):
        if self.problem:
            raise self.problem
        return ScannerResult((), Coverage("odd", self.entries))


@pytest.fixture
def step(opened, settings):
    def run(scanner):
        project = opened()
        with clean_tree(project) as tree:
            return scanner_step(scanner, tree, ScanContext(project, settings(), 30.0))

    return run


@pytest.mark.parametrize("problem", [ValueError("odd"), RecursionError(), MemoryError(), OSError(28, "No space left")])
def test_a_scanner_that_crashes_has_looked_at_nothing(step, problem):
    done = step(Odd(problem))
    (failure,) = done.result.failures
    assert (failure.rule, failure.severity) == ("analyzer-failed", Severity.INCOMPLETE)
    assert f"odd crashed: {type(problem).__name__}" in failure.reason
    assert done.result.coverage.count(State.FAILED) == 2
    assert done.run.status == "failed"


@pytest.mark.parametrize("entries", [(), (Covered("a.py"),), (Covered("a.py"), Covered("a.py"), Covered("b.py"))])
def test_a_scanner_whose_account_does_not_add_up_has_looked_at_nothing(step, entries):
    done = step(Odd(entries=entries))
    assert "the account does not add up" in done.result.failures[0].reason
    assert done.result.coverage.count(State.FAILED) == 2


def test_a_scanner_that_loses_files_without_saying_so_has_looked_at_nothing(step):
    done = step(Odd(entries=(Covered("a.py"), Covered("b.py", State.FAILED, "odd"))))
    assert "b.py was not analysed and no failure says so" in done.result.failures[0].reason


def test_files_our_own_analysis_lost_without_a_finding_are_a_failure(opened, settings, plugin_file):
    plugin_file.with_name("broken.py").write_text("def (\n")

    def silent(project, policy, **_more):
        return replace(analyse(project, policy), findings=())

    done = static_step(opened(), settings(), silent)
    assert "broken.py was not analysed" in done.failure.reason


def test_a_missing_tool_is_a_failure_with_the_way_to_get_it(step):
    done = step(Odd(distribution="no-such-analyser"))
    (failure,) = done.result.failures
    assert failure.reason == "no-such-analyser is not installed"
    assert 'pip install "theodore-plugin[toolchain]"' in failure.help
    assert done.run.version == "not installed"


def test_the_users_own_mistake_ends_the_check(step):
    with pytest.raises(ConfigurationProblem):
        step(Odd(ConfigurationProblem("no such snapshot")))


def test_an_older_tool_than_this_release_was_made_for_is_not_used(tmp_path, monkeypatch):
    metadata = tmp_path / "bandit-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: bandit\nVersion: 1.0\n")
    assert unusable("bandit") is None
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert "bandit 1.0 is installed; this release needs" in unusable("bandit").reason


def test_a_real_scanner_reports_its_version_time_and_sandbox(step):
    done = step(BanditScanner())
    assert done.run.status == "ok"
    assert done.run.version[0].isdigit()
    assert done.run.seconds > 0
    assert done.run.sandbox


def test_our_own_analysis_has_a_time_budget(opened, settings):
    def endless(project, policy, **_more):
        while True:
            try:
                time.sleep(0.01)
            except Exception:  # a rule's own handler does not keep it alive
                continue

    done = static_step(opened(), settings(scan_seconds=0.3), endless)
    assert "did not finish within" in done.failure.reason
    assert done.coverage.count(State.FAILED) == len(done.coverage.entries) > 0


def test_our_own_analysis_that_crashes_is_a_failure_too(opened, settings):
    def crashing(project, policy, **_more):
        raise KeyError("odd")

    done = static_step(opened(), settings(), crashing)
    assert "the static analysis crashed: KeyError" in done.failure.reason
    assert done.coverage.count(State.FAILED) == len(done.coverage.entries) > 0
