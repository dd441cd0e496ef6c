from theodore_plugin.coverage import State
from theodore_plugin.finding import Severity
from theodore_plugin.scanners import bandit
from theodore_plugin.scanners.bandit import BanditScanner

SHELL = "import subprocess\n\n\ndef f(x):\n    subprocess.run(x, shell=True)  # nosec\n"


def rules(result):
    return {finding.rule for finding in result.findings}


def test_it_reports_what_nosec_and_configuration_files_would_hide(scan):
    result = scan(
        BanditScanner(),
        {
            "src/demo/__init__.py": SHELL,
            ".bandit": "[bandit]\nskips = B602\nexclude = /src\n",
            "src/demo/.bandit": "[bandit]\nskips = B602\n",
            "setup.cfg": "[bandit]\nskips = B602\n",
        },
    )
    assert rules(result) == {"bandit/B602"}
    (finding,) = result.findings
    assert (finding.severity, str(finding.location)) == (Severity.ERROR, "src/demo/__init__.py:5:5")
    assert result.failures == ()


def test_a_file_it_cannot_parse_is_coverage_lost(scan):
    result = scan(BanditScanner(), {"src/demo/__init__.py": SHELL, "src/demo/broken.py": "def (\n"})
    (lost,) = result.coverage.failed
    assert (lost.path, "syntax error" in lost.reason) == ("src/demo/broken.py", True)
    assert "broken.py" in result.failures[0].reason
    assert rules(result) == {"bandit/B602"}


def test_files_in_folders_it_would_exclude_by_default_are_analysed(scan):
    result = scan(BanditScanner(), {"src/demo/__init__.py": "", "src/demo/CVS/hidden.py": SHELL})
    assert [entry.path for entry in result.coverage.entries if entry.state is State.ANALYSED] == [
        "src/demo/CVS/hidden.py",
        "src/demo/__init__.py",
    ]
    assert rules(result) == {"bandit/B602"}


def test_odd_file_names_stay_apart(scan):
    names = ["src/demo/-r.py", "src/demo/a b.py", "src/demo/ü.py", "src/demo/[x].py"]
    result = scan(BanditScanner(), {"src/demo/__init__.py": "", **dict.fromkeys(names, SHELL)})
    assert sorted(finding.location.path for finding in result.findings) == sorted(names)


def test_it_runs_out_of_time_as_a_failure(scan):
    slow = {f"src/demo/m{number}.py": "x = print(1)\n" * 20_000 for number in range(4)}
    result = scan(BanditScanner(), {"src/demo/__init__.py": SHELL, **slow}, timeout=1.0)
    assert "did not finish" in result.failures[0].reason
    assert result.failures[0].help == "to reproduce: python -I -m bandit -q -r src/demo"
    assert {entry.state for entry in result.coverage.entries} == {State.FAILED}


def test_more_files_than_fit_on_a_command_line_are_all_analysed(scan, monkeypatch):
    files = {"src/demo/__init__.py": SHELL, "src/demo/CVS/hidden.py": SHELL, "src/demo/broken.py": "def (\n"}
    expected = scan(BanditScanner(), files)
    monkeypatch.setattr(bandit, "_ROOM", 10)
    result = scan(BanditScanner(), files)
    assert result.findings == expected.findings
    assert result.coverage == expected.coverage
