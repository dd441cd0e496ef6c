"""Scanners defined in YAML, run for real: two examples of the documentation, and tools that misbehave."""

import json
import sys
from pathlib import Path

import pytest

from theodore_loader.policy import Policy
from theodore_loader.policy.model import ScannerSetting
from theodore_plugin.coverage import State
from theodore_plugin.finding import Confidence, Severity
from theodore_plugin.scanners.custom import CustomScanner
from theodore_plugin.scanners.custom_definition import definition, read_definition

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "scanners"
PACKAGE = {"src/demo/__init__.py": "import os\n\nX = 1\n"}
RESULTS = {"file": "file", "line": "line", "rule": "rule", "message": "message", "column": "column"}


@pytest.fixture
def tool(tmp_path):
    """A definition whose tool is a Python script; ``{tree}`` is its argument."""

    def make(code, name="mine", *, arguments=("{tree}",), results=None, **more):
        script = tmp_path / f"{name}.py"
        script.write_text(code)
        values = {
            "command": ["{python}", "-I", "-S", str(script), *arguments],
            "read": [str(script)],
            "timeout_seconds": 20,
            "memory_mb": 256,
            "results": {**RESULTS, **(results or {})},
            **more,
        }
        return CustomScanner(definition(name, values, f"{name}.yaml", from_policy=more.get("network", False)))

    return make


def saying(*results):
    return f"print({json.dumps(json.dumps(list(results)))})"


def result(**values):
    return {"file": "src/demo/__init__.py", "line": 1, "rule": "R1", "message": "text", "column": 1, **values}


def test_the_example_for_ruff_finds_what_ruff_finds(scan):
    files = {**PACKAGE, "src/demo/ruff.toml": "lint.ignore = ['F401']\n", "ruff.toml": "lint.ignore = ['F401']\n"}
    found = scan(CustomScanner(read_definition(EXAMPLES / "ruff.yaml")), files)
    (finding,) = found.findings
    assert (finding.rule, finding.source, str(finding.location)) == ("ruff/F401", "ruff", "src/demo/__init__.py:1:8")
    assert (finding.severity, finding.confidence) == (Severity.NOTICE, Confidence.HIGH)
    assert finding.help.startswith("https://docs.astral.sh/ruff/rules/")
    assert found.version[0].isdigit()
    assert found.failures == ()


def test_a_file_the_tool_cannot_parse_is_coverage_lost(scan):
    found = scan(CustomScanner(read_definition(EXAMPLES / "ruff.yaml")), {**PACKAGE, "src/demo/b.py": "def (\n"})
    (lost,) = found.coverage.failed
    assert (lost.path, lost.state) == ("src/demo/b.py", State.FAILED)
    assert "src/demo/b.py" in found.failures[0].reason
    assert "ruff check" in found.failures[0].help


def test_the_example_with_a_tool_of_ones_own(scan, tmp_path):
    text = (EXAMPLES / "licences.yaml").read_text().replace("/path/to", str(EXAMPLES))
    path = tmp_path / "licences.yaml"
    path.write_text(text)
    files = {**PACKAGE, "src/demo/good.py": "# SPDX-License-Identifier: MIT\n"}
    found = scan(CustomScanner(read_definition(path)), files)
    assert [(str(one.location), one.rule, one.severity) for one in found.findings] == [
        ("pyproject.toml:1:1", "licences/no-notice", Severity.NOTICE),
        ("src/demo/__init__.py:1:1", "licences/no-notice", Severity.ERROR),
    ]
    assert [entry.path for entry in found.coverage.entries] == [
        "pyproject.toml",
        "src/demo/__init__.py",
        "src/demo/good.py",
    ]


def telling(expression):
    """A tool that reports one expression as its message."""
    return f"import json, os, sys\none = {{**{result()!r}, 'message': {expression}}}\nprint(json.dumps([one]))"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("print('garbage')", "not JSON"),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe[]')", "not JSON"),
        ("print('[' * 100000)", "not JSON"),
        ("print('')", "not JSON"),
        ("print('{}')", "no list there"),
        ("print('7')", "no list there"),
        (saying(7), "result 1: no key 'file' there"),
        (saying({}), "no key 'file' there"),
        (saying(result(file=7)), "its file is 7"),
        (saying(result(file="../../../etc/passwd")), "a file it was not given"),
        (saying(result(file="/etc/passwd")), "a file it was not given"),
        (saying(result(file="src/demo/other.py")), "a file it was not given"),
        (saying(result(file="src/demo/\0.py")), "its file is"),
        (saying(result(line=-1)), "its line is -1"),
        (saying(result(line=0)), "its line is 0"),
        (saying(result(line=99)), "its line is 99"),
        (saying(result(line=10**400)), "its line is 1000"),
        (saying(result(line="1")), "its line is '1'"),
        (saying(result(line=1.5)), "its line is 1.5"),
        (saying(result(line=True)), "its line is True"),
        (saying(result(column=-1)), "its column is -1"),
        (saying(result(column=10**9)), "its column is 1000000000"),
        (saying(result(rule="two words")), "the id of its rule"),
        (saying(result(rule=["R1"])), "the id of its rule"),
        (saying(result(rule="x" * 65)), "the id of its rule"),
        (saying(result(message={"text": 1})), "a text is"),
        (f"import json; print(json.dumps([{result()!r}] * 10001))", "more than 10,000 results"),
        ("print('[]'); raise SystemExit(1)", "ended with code 1"),
        ("raise RuntimeError('lost')", "RuntimeError: lost"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("import time; time.sleep(60)", "did not finish within"),
        ("import sys; sys.stdout.write('x' * (65 << 20))", "printed more than"),
        ("x = []\nwhile True: x.append('x' * 1048576)", "MemoryError"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) and "print" not in value else "",
)
def test_an_answer_that_is_none_is_a_failure(scan, tool, answer, says):
    found = scan(tool(answer, timeout_seconds=5), PACKAGE)
    assert says in found.failures[0].reason
    assert found.failures[0].severity is Severity.INCOMPLETE
    assert found.failures[0].help.startswith("to reproduce: python -I -S ")
    assert {entry.state for entry in found.coverage.entries} == {State.FAILED}
    assert found.findings == ()


def test_levels_are_translated_and_missing_numbers_are_the_first(scan, tool):
    answers = [result(line=None, column=None, level=level) for level in ("HIGH", "low", "odd", 3, True, None)]
    for answer in answers:
        del answer["column"]
    severity = {"path": "level", "table": {"HIGH": "error", "low": "notice", "3": "error", "true": "error"}}
    found = scan(tool(saying(*answers), results={"severity": severity}), PACKAGE)
    assert [one.severity.value for one in found.findings] == ["error", "notice", "warning", "error", "error", "warning"]
    assert {str(one.location) for one in found.findings} == {"src/demo/__init__.py:1:1"}


def test_results_may_lie_deep_and_take_their_file_from_around_them(scan, tool):
    document = {"runs": [{"where": {"a file": "src/demo/__init__.py"}, "all": [{"at": [7, 2], "id": None}]}]}
    results = {
        "list": "runs[*].all[*]",
        "file": '^.where."a file"',
        "line": "at[1]",
        "rule": "id",
        "message": "at[5].nothing",
    }
    found = scan(tool(f"print({json.dumps(json.dumps(document))})", results=results), PACKAGE)
    (finding,) = found.findings
    assert (finding.rule, finding.location.line, finding.message) == ("mine/none", 2, "no message")


def test_it_sees_the_files_it_asks_for_and_no_others(scan, tool):
    seen = "' '.join(sorted(f'{r}/{f}'[len(sys.argv[1]) + 1:] for r, _, files in os.walk(sys.argv[1]) for f in files))"
    files = {**PACKAGE, "src/demo/a.toml": "", "ruff.toml": "", "tests/b.py": "", ".git/config": "", "c.txt": ""}
    code = telling(seen).replace("src/demo/__init__.py", "pyproject.toml")
    found = scan(tool(code, files=["*.toml", "tests/**"]), files)
    assert found.findings[0].message == "pyproject.toml ruff.toml tests/b.py"
    assert [entry.path for entry in found.coverage.entries] == ["pyproject.toml", "ruff.toml", "tests/b.py"]


@pytest.mark.kernel
def test_it_cannot_read_what_others_were_given(scan, tool):
    first = scan(tool("print('[]')"), PACKAGE)
    if first.sandbox != "standard":
        pytest.skip(f"the kernel layers are not all there: {first.sandbox}")
    listing = telling("' '.join(os.listdir(os.path.dirname(os.path.dirname(sys.argv[1]))))")
    (failure,) = scan(tool(listing, name="curious"), PACKAGE).failures
    assert "Permission denied" in failure.reason


def test_without_files_for_it_nothing_is_run(scan, tool):
    found = scan(tool("raise SystemExit(9)", files=["*.rs"]), PACKAGE)
    assert (found.skipped, found.failures, found.sandbox) == (True, (), "")


CONFINED = """
import json, os, socket, subprocess, sys
def tried(name, act):
    try:
        act()
    except OSError as problem:
        return f"{name}: {problem.strerror}"
    return f"{name}: done"
said = [
    tried("read", lambda: open(os.environ["OUTSIDE"]).read()),
    tried("write", lambda: open(sys.argv[1] + "/new", "w")),
    tried("run", lambda: subprocess.run(["/bin/true"])),
    tried("connect", lambda: socket.create_connection(("127.0.0.1", 9))),
    tried("scratch", lambda: open("here", "w")),
]
print(json.dumps([{"file": "src/demo/__init__.py", "line": 1, "rule": "R", "message": m, "column": 1} for m in said]))
"""


@pytest.mark.kernel
def test_it_is_held_as_the_built_in_scanners_are(scan, tool, tmp_path):
    outside = tmp_path / "secret"
    outside.write_text("x")
    found = scan(tool(CONFINED, environment={"OUTSIDE": str(outside)}), PACKAGE)
    if found.sandbox != "standard":
        pytest.skip(f"the kernel layers are not all there: {found.sandbox}")
    said = [one.message for one in found.findings]
    assert said[-1] == "scratch: done"
    assert not any(message.endswith("done") for message in said[:-1]), said


def test_the_network_is_the_policys_to_allow(scan, tool):
    assert scan(tool(saying(), network=True), PACKAGE).failures == ()  # the policy's own definition
    from_file = CustomScanner(definition("mine", {"command": ["x"], "network": True, "results": RESULTS}, "mine.yaml"))
    refused = scan(from_file, PACKAGE)
    assert "policy patient does not say that it may" in refused.failures[0].reason
    assert "network: true" in refused.failures[0].help
    allowing = Policy("open", scanners={"mine": ScannerSetting(network=True)})
    assert "program not found" in scan(from_file, PACKAGE, policy=allowing).failures[0].reason


def test_a_program_that_is_not_there_is_a_failure_with_a_remedy(scan):
    missing = definition("mine", {"command": ["no-such-program-anywhere"], "results": RESULTS}, "mine.yaml")
    (failure,) = scan(CustomScanner(missing), PACKAGE).failures
    assert failure.reason == "mine: program not found: no-such-program-anywhere"
    assert "install it" in failure.help


def test_a_program_of_the_project_is_not_run(scan, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f":.:{tmp_path / 'project' / 'bin'}:/usr/bin")
    monkeypatch.chdir(tmp_path)
    files = {**PACKAGE, "bin/evil": "#!/bin/sh\necho '[]'\n"}
    wanted = definition("mine", {"command": ["evil"], "results": RESULTS}, "mine.yaml")
    first = scan(CustomScanner(wanted), files)  # not executable, and not found
    (tmp_path / "project" / "bin" / "evil").chmod(0o755)
    (tmp_path / "evil").write_text("#!/bin/sh\necho '[]'\n")
    (tmp_path / "evil").chmod(0o755)
    second = scan(CustomScanner(wanted), {**PACKAGE})
    assert "program not found" in first.failures[0].reason
    assert "inside the project under check" in second.failures[0].reason


def test_a_program_of_the_environment_this_runs_in_is_run_although_the_project_holds_it(scan, tmp_path, monkeypatch):
    root = tmp_path / "project"
    (root / ".venv" / "bin").mkdir(parents=True)
    program = root / ".venv" / "bin" / "own-linter"
    program.write_text("#!/bin/sh\necho '[]'\n")
    program.chmod(0o755)
    wanted = CustomScanner(definition("mine", {"command": [str(program)], "results": RESULTS}, "mine.yaml"))
    assert "inside the project under check" in scan(wanted, PACKAGE).failures[0].reason
    monkeypatch.setattr(sys, "prefix", str(root / ".venv"))
    assert scan(wanted, PACKAGE).failures == ()


def test_a_report_that_is_no_file_is_not_read(scan, tool):
    for code in ("", "import os; os.mkdir('out')"):
        found = scan(tool(code, results={"from": "out"}), {**PACKAGE})
        assert "cannot be used: out" in found.failures[0].reason
        clean = found.coverage.count(State.ANALYSED)
        assert clean == 0


def test_the_program_and_the_definition_decide_whether_a_result_is_kept(scan, tool, write_project):
    from theodore_plugin.project import PluginProject
    from theodore_plugin.scanners.scanner import ScanContext
    from theodore_plugin.settings import Settings

    context = ScanContext(PluginProject.open(write_project(PACKAGE)), Settings(policy=Policy("x")), 60.0)
    one, same, other = tool("1"), tool("1"), tool("1", success=[0, 1])
    assert one.fingerprint(context) == same.fingerprint(context)
    assert one.fingerprint(context) != other.fingerprint(context)
    assert tool("1", network=True).fingerprint(context) is None
    gone = definition("mine", {"command": ["no-such-program-anywhere"], "results": RESULTS}, "mine.yaml")
    assert CustomScanner(gone).fingerprint(context) is None


def test_placeholders_are_filled_once_and_braces_can_be_written(scan, tool):
    code = telling("sys.argv[1]").replace("'src/demo/__init__.py'", "sys.argv[2]")
    found = scan(tool(code, arguments=("--format={{x}}", "{files}")), {"src/demo/{tree}.py": "X = 1\n"})
    (finding,) = found.findings
    assert (finding.message, finding.location.path) == ("--format={x}", "src/demo/{tree}.py")


def test_the_interpreter_is_this_one(scan, tool):
    found = scan(tool(telling("sys.prefix")), PACKAGE)
    assert found.findings[0].message in {sys.prefix, sys.base_prefix}
