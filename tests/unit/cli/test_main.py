import errno
import os
import subprocess
import sys

import pytest

from theodore_loader.errors import ConfigurationProblem, LoaderError, NothingToDo, Refused, WorkerCrashed
from theodore_plugin import __version__
from theodore_plugin.cli import main
from theodore_plugin.cli.ending import ending
from theodore_plugin.cli.failure import exit_code, explain_failure
from theodore_plugin.cli.program import COMMANDS, cli


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (ConfigurationProblem("x"), 2),
        (NothingToDo("x"), 3),
        (Refused("digest-mismatch", "x"), 5),
        (LoaderError("x"), 1),
        (WorkerCrashed("x"), 1),
        (OSError(errno.ENOSPC, "No space left on device", "/full/report.json"), 2),
        (ValueError("a bug"), 4),
        (RecursionError(), 4),
        (KeyboardInterrupt(), 130),
        (ModuleNotFoundError("No module named 'libcst'", name="libcst"), 2),
        (ModuleNotFoundError("No module named 'theodore_plugin.oops'", name="theodore_plugin.oops"), 4),
    ],
)
def test_every_failure_has_its_exit_code(problem, code, capsys):
    assert explain_failure(problem) == code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("problems", "code"),
    [
        ([LoaderError("x"), ValueError("x"), Refused("revoked", "x"), ConfigurationProblem("x")], 2),
        ([LoaderError("x"), ValueError("x"), Refused("revoked", "x")], 5),
        ([LoaderError("x"), ValueError("x")], 4),
        ([LoaderError("x"), NothingToDo("x")], 1),
    ],
)
def test_of_several_failures_the_strongest_decides(problems, code):
    assert exit_code(ExceptionGroup("several", problems)) == code


def test_an_error_says_what_is_wrong_which_rule_and_what_helps(capsys):
    explain_failure(Refused("digest-mismatch", "the bundle is for other bytes", help="sign it again"))
    captured = capsys.readouterr()
    assert captured.err == "error[digest-mismatch]: the bundle is for other bytes\nhelp: sign it again\n"
    assert captured.out == ""


def test_every_problem_of_a_group_is_shown_at_once(capsys):
    explain_failure(ExceptionGroup("two", [ConfigurationProblem("first"), ConfigurationProblem("second", help="h")]))
    assert capsys.readouterr().err == "error: first\nerror: second\nhelp: h\n"


def test_a_full_disk_names_the_file_and_the_way_out(capsys):
    explain_failure(OSError(errno.ENOSPC, "No space left on device", "/full/report.json"))
    err = capsys.readouterr().err
    assert "/full/report.json: No space left on device" in err
    assert "free some space" in err


def test_hostile_text_in_an_error_is_made_visible(capsys):
    explain_failure(ConfigurationProblem("bad name \x1b[31m\u202e", help="rename \x07"))
    assert capsys.readouterr().err == "error: bad name <U+001B>[31m<U+202E>\nhelp: rename <U+0007>\n"


def test_a_bug_is_called_one_and_debugging_shows_where(capsys):
    assert explain_failure(ValueError("surprise")) == 4
    err = capsys.readouterr().err
    assert "this is a bug in theodore-plugin: ValueError: surprise" in err
    assert "--debug" in err
    with pytest.raises(ValueError, match="surprise") as raised:
        raise ValueError("surprise")
    explain_failure(raised.value, debug=True)
    assert "test_main.py" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["frobnicate"], ["--nonsense"], ["check", "--nonsense"], ["explain", "a", "b"]])
def test_wrong_usage_exits_2_and_points_at_help(arguments, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "--help` lists what it takes" in err


def test_a_misspelt_command_is_recognised(capsys):
    assert main(["chekc"]) == 2
    assert "did you mean 'check'?" in capsys.readouterr().err


def test_help_lists_every_command_in_the_order_of_a_plugins_life(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.partition("Commands:")[2].splitlines() if line.strip()] == list(COMMANDS)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )


def test_help_imports_nothing_heavy():
    code = "import sys\nfrom theodore_plugin.cli import main\nmain(['--help'])\nprint(*sys.modules)"
    loaded = set(run_python(code).stdout.splitlines()[-1].split())
    heavy = {"rich", "libcst", "sigstore", "jsonschema", "cryptography", "mypy", "copier", "msgspec", "ruamel"}
    assert not loaded & heavy
    assert not [name for name in loaded if name.startswith(("theodore_loader", "theodore_plugin.engine"))]


NO_TOOLCHAIN = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"libcst", "bandit", "mypy", "pip_audit", "copier", "cryptography"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "libcst" else real(name, package)
from theodore_plugin.cli import main
sys.exit(main(sys.argv[1:] or ["check"]))
"""


def test_a_base_install_asked_to_check_prints_the_remedy():
    done = run_python(NO_TOOLCHAIN)
    assert done.returncode == 2
    assert 'pip install "theodore-plugin[toolchain]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pipe_to_something_else_that_breaks_is_not_passed_over(capsys):
    assert ending(BrokenPipeError(errno.EPIPE, "Broken pipe"), debug=False) == 2
    assert "Broken pipe" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["explain"]])
def test_a_closed_pipe_ends_quietly(arguments):
    script = f"import sys\nfrom theodore_plugin.cli import main\nsys.exit(main({arguments!r}))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", script], stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["explain", "analyzer-failed"]])
def test_output_that_cannot_be_written_is_one_message(arguments):
    script = f"import sys\nfrom theodore_plugin.cli import main\nsys.exit(main({arguments!r}))"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=full, stderr=subprocess.PIPE, timeout=60, text=True
        )
    assert done.returncode == 2
    assert done.stderr.startswith("error: standard output: No space left on device\nhelp: ")


def test_the_group_knows_its_commands_without_importing_them():
    assert cli.list_commands(None) == list(COMMANDS)
