import pytest

from theodore_loader.policy import Policy
from theodore_loader.policy.model import Advisories
from theodore_plugin.advisories.source import AdvisorySource
from theodore_plugin.coverage import State
from theodore_plugin.finding import Severity
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.pip_audit import PipAuditScanner
from theodore_plugin.scanners.scanner import ScanContext
from theodore_plugin.settings import Settings

DEPENDS = '[project]\nname = "demo"\nversion = "1.0"\ndependencies = ["idna"]\n'


def audit(scan, advisories, lock_text=None, pyproject=DEPENDS, **more):
    files = {"src/demo/__init__.py": ""} | ({"pylock.toml": lock_text} if lock_text is not None else {})
    return scan(PipAuditScanner(), files, advisories=str(advisories), pyproject=pyproject, **more)


def test_a_vulnerable_pin_is_an_error_at_its_line_of_the_lock(scan, lock, snapshot_file):
    result = audit(scan, snapshot_file, lock(httpx="0.27.0", idna="3.6"))
    (finding,) = result.findings
    assert (finding.rule, str(finding.location)) == ("known-vulnerability", "pylock.toml:13:1")
    assert "fixed in 3.7" in finding.help
    assert "pip-audit/PYSEC-2024-60" in finding.related
    assert result.coverage.count(State.ANALYSED) == 2
    assert (result.advisories.source, len(result.advisories.digest)) == ("snapshot advisories.jsonl", 64)


def test_a_fixed_pin_is_clean(scan, lock, snapshot_file):
    result = audit(scan, snapshot_file, lock(idna="3.7"))
    assert (result.findings, result.failures) == ((), ())


def test_every_version_of_a_package_that_a_lock_names_is_audited(scan, lock, snapshot_file):
    twice = lock(idna="3.7") + lock(idna="3.6").partition("\n\n")[2]
    result = audit(scan, snapshot_file, twice)
    (finding,) = result.findings
    assert (finding.rule, str(finding.location)) == ("known-vulnerability", "pylock.toml:13:1")
    assert {entry.path for entry in result.coverage.entries} == {"idna==3.6", "idna==3.7"}
    assert [(one.version, bool(one.vulnerabilities)) for one in result.dependencies] == [("3.6", True), ("3.7", False)]
    assert result.failures == ()


@pytest.mark.parametrize(("on_stale", "severity"), [("incomplete", Severity.INCOMPLETE), ("warning", Severity.WARNING)])
def test_data_older_than_the_policy_accepts_counts_as_the_policy_says(scan, lock, snapshot_file, on_stale, severity):
    policy = Policy("test", advisories=Advisories(max_age_days=7, on_stale=on_stale))
    (failure,) = audit(scan, snapshot_file, lock(idna="3.7"), policy=policy).failures
    assert (failure.rule, failure.severity) == ("vulnerability-data-unavailable", severity)
    assert "days old; the policy accepts 7" in failure.reason


def test_no_dependencies_need_no_data_and_this_is_said(scan):
    result = audit(scan, "off", pyproject='[project]\nname = "demo"\nversion = "1.0"\n')
    assert (result.failures, result.detail) == ((), "no dependencies: nothing to audit")


@pytest.mark.parametrize(
    ("advisories", "says"),
    [("off", "switched off"), ("http://127.0.0.1:9/v1/query", "did not answer")],
)
def test_data_that_is_not_there_is_not_a_clean_audit(scan, lock, advisories, says):
    result = audit(scan, advisories, lock(idna="3.7"))
    (failure,) = result.failures
    assert failure.rule == "vulnerability-data-unavailable"
    assert says in failure.reason
    assert [entry.path for entry in result.coverage.failed] == ["idna==3.7"]


def test_a_tree_that_is_not_locked_yet_is_skipped_and_this_is_said(scan, snapshot_file):
    result = audit(scan, snapshot_file)
    (failure,) = result.failures
    assert ("no lock" in failure.reason, failure.severity) == (True, Severity.NOTICE)
    assert result.coverage.count(State.SKIPPED) == 1


def test_a_wheel_with_dependencies_and_no_lock_is_incomplete(snapshot_file, tmp_path):
    project = PluginProject(
        tmp_path, "demo", (), {"project": {"name": "demo", "dependencies": ["idna"]}}, is_wheel=True
    )
    settings = Settings(policy=Policy("test"), advisories=AdvisorySource.parse(str(snapshot_file)))
    with clean_tree(project) as tree:
        result = PipAuditScanner().run(tree, ScanContext(project, settings, 60.0))
    assert [entry.path for entry in result.coverage.failed] == ["idna"]
    assert result.failures[0].severity is Severity.INCOMPLETE


@pytest.mark.parametrize(
    "broken",
    [
        "not toml [",
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "idna"\n',
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "idna"\n[packages.vcs]\ntype = "git"\n'
        'url = "https://example.org/x"\ncommit-id = "1"\n',
    ],
)
def test_a_lock_that_pins_nothing_exact_is_not_audited(scan, snapshot_file, broken):
    result = audit(scan, snapshot_file, broken)
    assert "not usable" in result.failures[0].reason
    assert result.coverage.failed


def test_a_file_requirement_of_the_target_builds_nothing(scan, snapshot_file, tmp_path):
    canary = tmp_path / "canary"
    bomb = tmp_path / "bomb"
    bomb.mkdir()
    (bomb / "setup.py").write_text(f"open({str(canary)!r}, 'w').close()\n")
    pyproject = f'[project]\nname = "demo"\nversion = "1.0"\ndependencies = ["bomb @ file://{bomb}"]\n'
    result = audit(scan, snapshot_file, pyproject=pyproject)
    assert result.failures
    assert not canary.exists()
