"""Every scanner, broken in every way: the check is incomplete, says how to see it by hand, and never passes.

The tools are broken for real. A virtual environment is laid out in which every module the scanners run is replaced by
one with the fault, and the check runs in that environment; everything of ours is what users run.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from theodore_plugin.scanners import SCANNERS

HERE = Path(__file__).parent
SITE = Path("lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
TOOLS = {
    "bandit": "bandit",
    "mypy": "mypy",
    "pip-audit": "pip_audit",
    "secrets": "detect_secrets",
    "ours": "own_linter",
}
"""The module behind each scanner."""
DISTRIBUTIONS = [f"{name}.dist-info" for name in ("bandit", "mypy", "pip_audit", "detect_secrets")]
SECONDS = 4

FAULTS = {
    "killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "hung": "import time\ntime.sleep(600)",
    "hung in silence": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 60))\nwhile True: pass",
    "garbage": "import sys\nsys.stdout.buffer.write(b'\\x00\\xff{\"results\": [')\nsys.stdout.flush()",
    "another report": "print('{\"version\": 7}')",
    "nothing": "raise SystemExit(0)",
    "nothing and a failure": "raise SystemExit(1)",
    "crash": "raise RuntimeError('odd')",
    "many large files": "for n in range(10**6):\n    open(f'{n}.bin', 'wb').write(bytes(1 << 24))",
    "one endless file": "f = open('big', 'wb')\nwhile True: f.write(bytes(1 << 22))",
    "many small files": "import os\nos.mkdir('d')\nfor n in range(10**7): open(f'd/{n}', 'w').close()",
    "100 MB of output": "import sys\nfor _ in range(100): sys.stdout.write('x' * 1_000_000)",
    "100 MB of errors": "import sys\nfor _ in range(100): sys.stderr.write('x' * 1_000_000)\nraise SystemExit(0)",
    "no memory": "x = bytearray(1 << 40)",
}
THOROUGH = {
    "hung",
    "another report",
    "nothing and a failure",
    "one endless file",
    "many small files",
    "100 MB of errors",
}
"""Each is a variety of another fault, which the ordinary suite tries."""
IN_SCRATCH = "import os\nos.chdir(os.environ['TMPDIR'])\n"
SAYS = {
    "killed": "was killed by SIGKILL",
    "hung": "did not finish within",
    "hung in silence": "did not finish within",
    "crash": "RuntimeError: odd",
    "many large files": "wrote more than 256 MiB",
    "one endless file": "File too large",
    "many small files": "wrote more than 10000 files",
    "100 MB of output": "printed more than 64 MiB",
    "100 MB of errors": "printed more than 64 MiB",
    "no memory": "MemoryError",
}
DEFINITION = """\
schema: 1
name: ours
command: ["{python}", -I, -m, own_linter, "{tree}"]
results:
  list: problems[*]
  file: file
  line: line
  rule: rule
  message: message
"""
LOCK = """\
lock-version = "1.0"
created-by = "a test"

[[packages]]
name = "idna"
version = "3.7"
[[packages.wheels]]
name = "idna-3.7-py3-none-any.whl"
url = "https://files.example/idna-3.7-py3-none-any.whl"
hashes = {sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
"""
PLUGIN = '[project]\nname = "demo"\nversion = "1.0"\nrequires-python = ">=3.11"\ndependencies = ["idna"]\n'


@pytest.fixture
def environment(tmp_path):
    """Return a virtual environment with everything that is installed here, except that the tools are broken."""

    def lay_out(fault, *, without=()):
        prefix = tmp_path / "environment"
        site = prefix / SITE
        site.mkdir(parents=True)
        base = Path(sys._base_executable)
        (prefix / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
        (prefix / "bin").mkdir()
        (prefix / "bin" / "python").symlink_to(base)
        everything = tmp_path / "everything"
        everything.mkdir()
        importable = [Path(entry).resolve() for entry in sys.path if entry and Path(entry).is_dir()]
        installed = [folder for folder in importable if folder.name == "site-packages"]
        for folder in installed:
            share(folder, everything, {*TOOLS.values(), *without})
        ours = [str(folder) for folder in importable if folder not in installed and holds_ours(folder)]
        (site / "everything.pth").write_text("\n".join([str(everything), *ours]) + "\n")
        for module in TOOLS.values() if fault is not None else ():
            (site / module).mkdir()
            (site / module / "__init__.py").write_text(IN_SCRATCH + fault if module == "detect_secrets" else "")
            (site / module / "__main__.py").write_text(IN_SCRATCH + fault)
        return prefix / "bin" / "python"

    return lay_out


def holds_ours(folder):
    return any((folder / name).is_dir() for name in ("theodore_plugin", "theodore_sdk"))


def share(folder, target, without):
    """Link everything in an import folder, except modules and distributions of these names."""
    for entry in folder.iterdir():
        name = re.sub(r"-[^-]*\.dist-info$", ".dist-info", entry.name)
        if name not in without and entry.suffix != ".pth" and not (target / entry.name).exists():
            (target / entry.name).symlink_to(entry)


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "src" / "demo").mkdir(parents=True)
    (root / "src" / "demo" / "__init__.py").write_text("VALUE = 1\n")
    (root / "pyproject.toml").write_text(PLUGIN)
    (root / "pylock.toml").write_text(LOCK)
    return root


@pytest.fixture
def definition(tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text(DEFINITION)
    return path


@pytest.fixture
def variables(tmp_path):
    return {**os.environ, "THEODORE_PLUGIN_HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def check_each(project, definition, snapshot_file, variables):
    """Check the project once for each scanner and return what was said, by scanner."""

    def check(python, seconds=SECONDS):
        argv = [python, "-I", str(HERE / "fault_driver.py"), project, snapshot_file, definition, str(seconds)]
        done = subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return check


def test_no_scanner_is_left_out_of_these_tests():
    assert {scanner.name for scanner in SCANNERS} | {"ours"} == set(TOOLS)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(name, id=name.replace(" ", "-"), marks=[pytest.mark.thorough] if name in THOROUGH else [])
        for name in FAULTS
    ],
)
def test_a_broken_tool_makes_the_check_incomplete(environment, check_each, fault):
    answers = check_each(environment(FAULTS[fault]), seconds=SECONDS if fault.startswith("hung") else 60)
    assert set(answers) == set(TOOLS)
    for name, answer in answers.items():
        hold_incomplete(name, answer, SAYS.get(fault, ""))


def test_a_module_that_is_missing_makes_the_check_incomplete(environment, check_each):
    for name, answer in check_each(environment(None)).items():
        hold_incomplete(name, answer, f"No module named {TOOLS[name]}" if name != "secrets" else "No module named")


def hold_incomplete(name, answer, says):
    assert (answer["exit"], answer["status"], answer["states"]) == (4, "failed", ["failed"]), (name, answer)
    assert answer["said"], name
    message, remedy = answer["said"][0]
    assert says in message, name
    assert remedy.startswith("to reproduce: python -I -m"), name
    assert "Traceback" not in answer["text"], name
    assert "to reproduce" in answer["text"], name


def test_a_distribution_that_is_missing_makes_the_check_incomplete(environment, check_each):
    answers = check_each(environment(None, without=DISTRIBUTIONS))
    answers.pop("ours")
    for name, answer in answers.items():
        assert (answer["exit"], answer["status"], answer["states"]) == (4, "failed", ["failed"]), name
        (message, remedy), *_ = answer["said"]
        assert "is not installed" in message, name
        assert remedy == 'pip install "theodore-plugin[toolchain]"'


@pytest.mark.parametrize("fault", ["killed", "garbage", "nothing", "crash"])
def test_the_command_ends_with_4_and_without_a_traceback(
    environment, project, definition, snapshot_file, variables, fault
):
    argv = [environment(FAULTS[fault]), "-I", "-m", "theodore_plugin", "check", project]
    argv += ["--advisories", snapshot_file, "--scanner", definition]
    done = subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.count("to reproduce") == len(TOOLS)
