"""Scanners that other distributions bring as entry points: real distributions in a folder of their own."""

import sys

import pytest

from theodore_loader.policy import Policy
from theodore_loader.policy.model import ScannerSetting
from theodore_plugin.coverage import State
from theodore_plugin.engine import run
from theodore_plugin.finding import Severity, Verdict
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners import plugins
from theodore_plugin.scanners.plugins import GROUP, BrokenScanner, PluginScanner, plugin_scanners
from theodore_plugin.settings import Settings

GOOD = """
from theodore_plugin.coverage import Coverage, Covered
from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.scanners.scanner import ScannerResult

class Scanner:
    name = "acme"
    distribution = "acme-scanner"

    def given(self, context):
        return tuple(file.path for file in context.project.files)

    def run(self, tree, context):
        found = tuple(
            Finding(f"acme/{RULE}", Severity.ERROR, Confidence.HIGH, Location(path), "found", source=SOURCE)
            for path in tree.files
        )
        return ScannerResult(found, Coverage.account(self.name, tree.files, map(Covered, tree.files)))

RULE, SOURCE = "A1", "acme"
instance = Scanner()
"""


@pytest.fixture
def install(tmp_path):
    """Put a distribution into a folder as an installer would, and forget its modules afterwards."""
    folder = tmp_path / "site-packages"
    modules = []

    def put(code, value="{module}:Scanner", *, name="acme", distribution="acme-scanner"):
        module = distribution.replace("-", "_") + "_" + tmp_path.name.replace("-", "_").replace(".", "_")
        info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {value.format(module=module)}\n")
        (folder / f"{module}.py").write_text(code)
        modules.append(module)
        return [str(folder)]

    yield put
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def project():
    files = {"src/demo/__init__.py": b"X = 1\n", "pyproject.toml": b'[project]\nname = "demo"\nversion = "1"\n'}
    return PluginProject.from_files(files)


@pytest.fixture
def check(project, monkeypatch, tmp_path):
    """Run a whole check with these scanners; acme-scanner counts as installed in this environment."""

    def go(scanners, **setting):
        monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
        policy = Policy("acme", scanners={"acme": ScannerSetting(**setting)})
        report = run(project, Settings(policy=policy, incremental=False), scanners=scanners)
        return report, [one for one in report.findings if one.source == "acme" or one.subject == "acme"]

    return go


@pytest.mark.parametrize("value", ["{module}:Scanner", "{module}:instance"], ids=["class", "object"])
def test_an_installed_scanner_takes_part_in_a_check(install, check, value):
    scanners = plugin_scanners(install(GOOD, value))
    report, (finding,) = check(scanners)
    assert (finding.rule, finding.severity) == ("acme/A1", Severity.ERROR)
    (ran,) = report.scanners
    assert (ran.name, ran.version, ran.status) == ("acme", "1.0", "ok")


def test_a_policy_may_soften_it_and_switch_it_off(install, check):
    scanners = plugin_scanners(install(GOOD))
    _, (softened,) = check(scanners, enforced=False)
    assert softened.severity is Severity.WARNING
    report, none = check(scanners, enabled=False)
    assert (none, report.scanners[0].status) == ([], "skipped")


@pytest.mark.parametrize(
    ("code", "value", "says"),
    [
        ("raise RuntimeError('lost')", "{module}:Scanner", "cannot be loaded: RuntimeError: lost"),
        ("raise SystemExit(3)", "{module}:Scanner", "cannot be loaded: SystemExit: 3"),
        ("def (", "{module}:Scanner", "cannot be loaded: SyntaxError"),
        ("", "{module}:Scanner", "cannot be loaded: AttributeError"),
        ("", "no_such_module_at_all:Scanner", "cannot be loaded: ModuleNotFoundError"),
        ("class Scanner:\n    def __init__(self, x): ...", "{module}:Scanner", "cannot be loaded: TypeError"),
        ("class Scanner:\n    name = 'other'", "{module}:Scanner", "calls itself 'other'"),
        ("class Scanner:\n    name = 'acme'", "{module}:Scanner", "has no given and no run"),
        ("Scanner = 7", "{module}:Scanner", "calls itself None"),
    ],
    ids=["raises", "exits", "syntax", "no attribute", "no module", "arguments", "name", "methods", "number"],
)
def test_a_broken_one_fails_where_it_is_required_and_is_noted_where_it_is_not(install, check, code, value, says):
    scanners = plugin_scanners(install(code, value))
    assert isinstance(scanners[0], BrokenScanner)
    report, (finding,) = check(scanners, required=True)
    assert says in finding.message
    assert "pip uninstall acme-scanner" in finding.help
    assert report.verdict is Verdict.INCOMPLETE
    report, (finding,) = check(scanners, required=False)
    assert finding.severity is Severity.NOTICE
    assert report.coverage[-1].count(State.ANALYSED) == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("return ScannerResult(", "raise RuntimeError('lost') or ScannerResult("), "RuntimeError: lost"),
        (("return ScannerResult(", "return dict() or ("), "it returned tuple"),
        (('RULE, SOURCE = "A1", "acme"', 'RULE, SOURCE = "A1", "theodore"'), "it reports 'acme/A1' of 'theodore'"),
        (('f"acme/{RULE}"', '"hardcoded-secret"'), "it reports 'hardcoded-secret'"),
        (("map(Covered, tree.files)", "()"), "unaccounted for"),
        (("return tuple(file.path", "raise OSError('gone') or tuple(file.path"), "OSError: gone"),
    ],
    ids=["raises", "type", "source", "rule", "account", "given"],
)
def test_what_is_no_result_of_its_own_is_a_failure(install, check, change, says):
    assert change[0] in GOOD
    report, (finding,) = check(plugin_scanners(install(GOOD.replace(*change))))
    assert says in finding.message
    assert report.verdict is Verdict.INCOMPLETE


def test_names_of_built_in_scanners_and_names_used_twice_are_broken(install):
    install(GOOD, name="bandit", distribution="one")
    install(GOOD, distribution="two")
    folders = install(GOOD, distribution="three")
    acme, bandit = plugin_scanners(folders)
    assert isinstance(acme, BrokenScanner)
    assert "more than one scanner is called acme (in three, two)" in acme.reason
    assert isinstance(bandit, BrokenScanner)
    assert "not a built-in one" in bandit.reason


def test_the_project_under_check_cannot_bring_a_scanner(install, tmp_path, monkeypatch):
    marker = tmp_path / "ran"
    target = install(f"open({str(marker)!r}, 'w')\n{GOOD}")[0]
    monkeypatch.chdir(target)
    monkeypatch.syspath_prepend("")
    monkeypatch.syspath_prepend(target)
    plugins._installed.cache_clear()
    assert [one.name for one in plugin_scanners() if one.name == "acme"] == []
    assert not marker.exists()


def test_a_module_in_the_working_folder_does_not_stand_in_for_an_installed_one(install, tmp_path, monkeypatch):
    folders = install("from sibling_of_acme import Scanner\n")
    (tmp_path / "site-packages" / "sibling_of_acme.py").write_text(GOOD)
    target = tmp_path / "target"
    target.mkdir()
    (target / "sibling_of_acme.py").write_text("raise RuntimeError('the wrong one')\n")
    monkeypatch.chdir(target)
    monkeypatch.syspath_prepend("")
    before = list(sys.path)
    try:
        (scanner,) = plugin_scanners(folders)
    finally:
        sys.modules.pop("sibling_of_acme", None)
    assert isinstance(scanner, PluginScanner)
    assert sys.path == before
