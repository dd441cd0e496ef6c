from theodore_plugin.coverage import State
from theodore_plugin.finding import Severity
from theodore_plugin.scanners.mypy import MypyScanner

PLUGIN = """\
from theodore_sdk import HealthStatus, ScraperPlugin


class Demo(ScraperPlugin):
    async def health_check(self) -> int:  # type: ignore
        return 3


def helper() -> int:
    return "three"  # type: ignore[return-value]
"""


def by_rule(result):
    return {finding.rule: finding for finding in result.findings}


BROKEN = """\
from theodore_sdk import ScraperPlugin, ScrapingResult


class Demo(ScraperPlugin):
    async def scrape_content(self, request: int) -> ScrapingResult:
        raise LookupError(request)
"""


def test_a_hook_that_cannot_take_what_the_host_passes_is_an_error(scan):
    found = by_rule(scan(MypyScanner(), {"src/demo/__init__.py": BROKEN}))
    assert found["mypy/override"].severity is Severity.ERROR


def test_another_annotated_result_is_a_warning_like_what_is_inside(scan):
    result = scan(MypyScanner(), {"src/demo/__init__.py": PLUGIN})
    found = by_rule(result)
    assert set(found) == {"mypy/override", "mypy/return-value"}
    assert found["mypy/override"].severity is Severity.WARNING
    assert str(found["mypy/override"].location).startswith("src/demo/__init__.py:5:")
    assert found["mypy/return-value"].severity is Severity.WARNING
    assert result.failures == ()


def test_a_mypy_plugin_and_configuration_of_the_target_are_not_used(scan, tmp_path):
    canary = tmp_path / "canary"
    code = f"open({str(canary)!r}, 'w').close()\n\n\ndef plugin(version):\n    raise SystemExit\n"
    configuration = '[project]\nname = "demo"\nversion = "1.0"\n[tool.mypy]\nplugins = ["evil"]\nignore_errors = true\n'
    files = {
        "src/demo/__init__.py": "# mypy: ignore-errors\n" + PLUGIN,
        "src/evil.py": code,
        "evil.py": code,
        "mypy.ini": "[mypy]\nplugins = evil\nignore_errors = True\n",
    }
    result = scan(MypyScanner(), files, pyproject=configuration)
    assert {"mypy/override", "mypy/return-value"} <= set(by_rule(result))
    assert not canary.exists()


def test_a_folder_of_the_plugin_cannot_pose_as_the_sdk(scan):
    files = {
        "src/demo/__init__.py": PLUGIN,
        "src/theodore_sdk/__init__.py": "ScraperPlugin: object\nHealthStatus: object\n",
        "src/theodore_sdk/py.typed": "",
    }
    result = scan(MypyScanner(), files)
    assert "mypy/override" in by_rule(result)
    assert "src/theodore_sdk/__init__.py poses as the SDK" in result.failures[0].reason
    assert [entry.path for entry in result.coverage.failed] == ["src/theodore_sdk/__init__.py"]


def test_packages_that_are_not_there_are_no_findings_but_stated(scan):
    result = scan(MypyScanner(), {"src/demo/__init__.py": "import httpx, bs4.element\n\nx: int = httpx.get(1)\n"})
    assert result.findings == ()
    assert result.detail == "types of other packages were not available"


def test_a_syntax_error_stops_it_and_everything_counts_as_lost(scan):
    result = scan(MypyScanner(), {"src/demo/__init__.py": PLUGIN, "src/demo/broken.py": "def (\n"})
    assert "src/demo/broken.py:1" in result.failures[0].reason
    assert {entry.state for entry in result.coverage.entries} == {State.FAILED}


def test_a_module_that_shadows_the_standard_library_is_not_passed_over(scan):
    result = scan(MypyScanner(), {"src/demo/__init__.py": PLUGIN, "src/typing.py": "Any = 1\n"})
    assert result.failures or "mypy/override" in by_rule(result)


def test_names_that_look_like_options_or_files_of_arguments_are_names(scan):
    files = {"src/demo/__init__.py": PLUGIN, "src/ünï/__init__.py": "X: int = ''\n", "src/@x/y.py": "", "src/-x.py": ""}
    result = scan(MypyScanner(), files)
    assert result.failures == ()
    assert "src/ünï/__init__.py" in {finding.location.path for finding in result.findings}


def test_importing_the_plugin_by_its_folder_is_no_second_module(scan):
    files = {"src/demo/__init__.py": "import src.demo.other\n", "src/demo/other.py": "X: int = ''\n"}
    result = scan(MypyScanner(), files)
    assert result.failures == ()
    assert list(by_rule(result)) == ["mypy/assignment"]


def test_notes_alone_are_a_whole_answer(scan):
    """Of an annotation inside a function without any, mypy says only that it was not checked, and ends with 1."""
    result = scan(MypyScanner(), {"src/demo/__init__.py": "def helper(x):\n    y: int = x\n    return y\n"})
    assert (result.failures, result.findings) == ((), ())
    assert not result.coverage.failed
