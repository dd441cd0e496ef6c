"""Shell completion as the guide describes it: bash for real, with its function and with the Tab key."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAMS = Path(sys.executable).parent
SET_UP = 'eval "$(_THEODORE_PLUGIN_COMPLETE=bash_source theodore-plugin)"'
ENVIRONMENT = os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "PS1": "$ ", "TERM": "dumb"}
needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


def bash(line):
    """Return what bash is offered for a command line that ends where the cursor is."""
    words = line.split(" ")
    script = f"""{SET_UP}
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _theodore_plugin_completion theodore-plugin
printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.stderr == ""
    return done.stdout.split()


@needs_bash
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("theodore-plugin che", ["check"]),
        ("theodore-plugin check --output-f", ["--output-format"]),
        ("theodore-plugin check --output-format ju", ["junit"]),
        ("theodore-plugin check --output mark", ["markdown=check.md"]),
        ("theodore-plugin check --policy str", ["strict"]),
        ("theodore-plugin check --ignore unused-d", ["unused-dependency"]),
        ("theodore-plugin explain undeclared-p", ["undeclared-permission"]),
        ("theodore-plugin schema rep", ["report"]),
        ("theodore-plugin nonsense x", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bash_is_offered(line, offered):
    assert bash(line) == offered


@needs_bash
def test_every_command_and_every_form_is_offered():
    from theodore_plugin.cli.program import COMMANDS
    from theodore_plugin.report.formats import FORMATS

    assert set(bash("theodore-plugin ")) == set(COMMANDS)
    assert set(bash("theodore-plugin check --output-format ")) == set(FORMATS)


@needs_bash
def test_the_tab_key_completes():
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], ENVIRONMENT)
    try:
        os.write(terminal, f"bind 'set enable-bracketed-paste off'; {SET_UP}; echo rea''dy\n".encode())
        read_until(terminal, r"ready")
        os.write(terminal, b"echo theodore-plu; theodore-plugin chec\t--output-form\tsar\t")
        assert read_until(terminal, r"theodore-plugin check --output-format sarif ")
    finally:
        os.write(terminal, b"\x03\nexit\n")
        os.close(terminal)
        os.waitpid(child, 0)


def read_until(terminal, pattern, seconds=60):
    """Read what a terminal shows until it matches."""
    shown, end = "", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
            if re.search(pattern, shown):
                return True
    pytest.fail(f"never showed {pattern}: {shown!r}")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_of_their_own(shell):
    script = subprocess.run(
        [PROGRAMS / "theodore-plugin"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT | {"_THEODORE_PLUGIN_COMPLETE": f"{shell}_source"},
    ).stdout
    assert "_theodore_plugin_completion" in script
    assert f"{shell}_complete" in script
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
