"""A shell interprets a text made at run time."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.model import ResolvedCall
from theodore_plugin.inference.values import HOLE
from theodore_plugin.rules.context import RuleContext, report

SHELLS = (
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell",
)
WITH_SHELL = (
    "subprocess.run",
    "subprocess.Popen",
    "subprocess.call",
    "subprocess.check_call",
    "subprocess.check_output",
)

RULE = Rule(
    name="shell-injection",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="A command that is not constant goes to a shell.",
    why="A file name or URL with a ; or $( in it becomes a command.",
    remedy='Pass a list, without a shell: subprocess.run(["git", "clone", url]).',
    bad=(
        Example("import os\n\n\ndef clone(url):\n    os.system('git clone ' + url)\n", "os.system"),
        Example(
            "from subprocess import run as go\n\n\ndef clone(url):\n    go(f'git clone {url}', shell=True)\n",
            "shell=True",
        ),
    ),
    good=(
        Example("import subprocess\n\n\ndef clone(url):\n    subprocess.run(['git', 'clone', url])\n", "a list"),
        Example("import os\n\n\ndef state():\n    os.system('git status')\n", "a constant command"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at shell calls whose command is not wholly constant."""
    for call, name in context.inference.calls_of(*SHELLS, *WITH_SHELL):
        if (name in SHELLS or _uses_shell(call)) and not _is_constant(call):
            yield report(RULE, call.location, f"{name} hands a computed command to a shell", subject=call.function)


def _uses_shell(call: ResolvedCall) -> bool:
    """Whether ``shell`` is, or may be, true."""
    for argument in call.node.arguments:
        if argument.keyword == "shell":
            return not (isinstance(argument.value, m.Constant) and not argument.value.value)
    return False


def _is_constant(call: ResolvedCall) -> bool:
    texts = call.texts[0] if call.texts else ()
    return bool(texts) and not any(HOLE in text for text in texts)
