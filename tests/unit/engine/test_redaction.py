"""No report shows a secret: not in a line of source, not in what a finding says, in no format."""

from dataclasses import replace

import pytest

from theodore_plugin.engine import run
from theodore_plugin.engine.redaction import masked
from theodore_plugin.finding import Confidence, Finding, Location, Severity, Step
from theodore_plugin.project import PluginProject
from theodore_plugin.report.formats import FORMATS, rendered
from theodore_plugin.scanners.bandit import BanditScanner
from theodore_plugin.scanners.mypy import MypyScanner
from theodore_plugin.scanners.secrets import SecretsScanner
from theodore_plugin.settings import Settings

GITHUB = "ghp_Zq3Vx81KmPw07TnLcR5yBs94GhJd62FeAu0X"
RANDOM = "w3Kx7tQz0PmB52nVhRcJ"


def about(path, line, column, end_line=None, end_column=None, *, source="theodore", message="a secret", **more):
    location = Location(path, line, column, end_line, end_column)
    return Finding("hardcoded-secret", Severity.ERROR, Confidence.HIGH, location, message, source=source, **more)


def project(**files):
    contents = {"src/demo/__init__.py": b"", "pyproject.toml": b'[project]\nname = "demo"\nversion = "1"\n'}
    return PluginProject.from_files(contents | {f"src/demo/{name}": text.encode() for name, text in files.items()})


def shown(sources, name):
    return sources[f"src/demo/{name}"].decode()


def test_a_literal_is_masked_between_its_quotes_and_nothing_moves():
    told = masked([about("src/demo/a.py", 2, 5, 2, 14)], project(**{"a.py": 'A = 1\nB = "hunter2"  # x\n'}))
    assert shown(told.sources, "a.py") == 'A = 1\nB = "*******"  # x\n'


def test_a_place_without_an_end_is_masked_to_the_end_of_its_line():
    told = masked(
        [about("src/demo/a.yaml", 1, 4, source="secrets")], project(**{"a.yaml": "x: hunter2 and more\ny: 1\n"})
    )
    assert shown(told.sources, "a.yaml") == "x: ****************\ny: 1\n"


def test_of_a_call_the_literals_are_masked():
    found = about("src/demo/a.py", 1, 1, 2, 15, source="bandit")
    told = masked([found], project(**{"a.py": "connect(user='me',\n  pw='hunter2')\n"}))
    assert shown(told.sources, "a.py") == "connect(user='**',\n  pw='*******')\n"


def test_a_long_secret_is_masked_wherever_it_stands_and_a_short_word_is_not():
    files = project(**{"a.py": f'A = "{RANDOM}"\nP = "pass"\n', "b.py": f'B = "{RANDOM}!"\nif P: pass\n'})
    other = Finding(
        "mypy/arg-type",
        Severity.WARNING,
        Confidence.HIGH,
        Location("src/demo/b.py", 1),
        f'has type "Literal[{RANDOM}]"',
        help=f"use {RANDOM}",
        subject=RANDOM,
        evidence=(Step(f"get({RANDOM})", Location("src/demo/b.py", 1)),),
    )
    told = masked([about("src/demo/a.py", 1, 5, 1, 27), about("src/demo/a.py", 2, 5, 2, 11), other], files)
    assert RANDOM not in repr(told)
    assert shown(told.sources, "b.py") == 'B = "********************!"\nif P: pass\n'


def test_a_key_over_several_lines_is_masked_line_by_line():
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END"
    told = masked([about("src/demo/a.pem", 1, 1, 3, 9, source="secrets")], project(**{"a.pem": key + " x\nrest\n"}))
    assert shown(told.sources, "a.pem").splitlines() == ["*" * 27, "*" * 26, "******** x", "rest"]


@pytest.mark.parametrize(
    "location",
    [
        Location("src/demo/a.py", 99),
        Location("src/demo/a.py", 1, 99, 1, 3),
        Location("gone.py"),
        Location("a", 1, 1, 7, 7),
    ],
    ids=["no such line", "backwards", "no such file", "neither"],
)
def test_a_place_that_is_none_hides_nothing_and_breaks_nothing(location):
    told = masked([replace(about("x", 1, 1), location=location)], project(**{"a.py": "A = 1\n"}))
    assert shown(told.sources, "a.py") == "A = 1\n"


def test_without_secrets_everything_stays_as_it_is():
    files = project(**{"a.py": "A = 1\n", "b.yaml": "b: 1\n"})
    other = Finding("mypy/x", Severity.WARNING, Confidence.HIGH, Location("src/demo/b.yaml"), "x")
    told = masked([other], files)
    assert told.findings == (other,)
    assert set(told.sources) == {"src/demo/__init__.py", "src/demo/a.py", "src/demo/b.yaml"}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    files = {
        "pyproject.toml": '[project]\nname = "demo"\nversion = "1.0"\n',
        "src/demo/__init__.py": f'import httpx\n\nTOKEN = "{GITHUB}"\nAPI_KEY: int = "{RANDOM}"\n\n\n'
        f'def get() -> str:\n    return httpx.get("https://x.acme.io/", headers={{"api_key": "{RANDOM}"}}, '
        f"verify=False)\n"
        f"\n\n# theodore: ignore[tls-verification-disabled] reason='it is {GITHUB}, {RANDOM}'"
        f'\ndef fetch():\n    return httpx.get("https://reader:{RANDOM}@x.acme.io/{RANDOM}", verify=False)\n',
        "src/demo/settings.yaml": f"password: {RANDOM}\ntoken: {GITHUB}\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    opened = PluginProject.open(root)
    scanners = (BanditScanner(), MypyScanner(), SecretsScanner())
    return run(opened, replace(Settings.load(opened), incremental=False), scanners=scanners)


def test_the_secrets_of_the_project_are_found(report):
    found = {(one.location.path, one.location.line) for one in report.findings if one.rule == "hardcoded-secret"}
    assert found >= {("src/demo/__init__.py", 3), ("src/demo/__init__.py", 4), ("src/demo/settings.yaml", 2)}


def test_what_a_comment_says_of_a_secret_is_masked_too(report):
    (record,) = report.suppressions
    assert record.reason == f"it is {'*' * len(GITHUB)}, {'*' * len(RANDOM)}"


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_format_shows_a_secret(report, name):
    text = rendered(name, [report], width=200)
    assert "hardcoded-secret" in text
    assert GITHUB not in text
    assert RANDOM not in text
