"""What to say when a tool ends without a usable answer."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Sequence

from theodore_loader.sandbox.profile import MIB
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.hermetic import OUTPUT_BYTES, ToolRun
from theodore_plugin.scanners.scanner import Failure

_TAIL_CHARACTERS = 300


def tool_failure(name: str, run: ToolRun, help: str) -> Failure:  # noqa: A002 - the word users read
    """Describe how ``name`` failed, with the end of what it said and a way to see the same by hand."""
    return Failure(f"{name} {_how_it_ended(run)}{_last_words(run.completed.stderr)}", help)


def by_hand(module: str, arguments: Sequence[str], project: PluginProject) -> str:
    """Say how to run a tool over the project as it lies there; ``-I`` keeps the project's own modules out of it."""
    return "to reproduce: " + shlex.join(["python", "-I", "-m", module, *arguments, *(project.package_roots or (".",))])


def _how_it_ended(run: ToolRun) -> str:
    completed = run.completed
    if run.exceeded:
        return run.exceeded
    if completed.timed_out:
        return f"did not finish within {completed.seconds:.0f} s"
    if completed.truncated:
        return f"printed more than {OUTPUT_BYTES // MIB} MiB"
    if completed.returncode < 0:
        return f"was killed by {_signal_name(-completed.returncode)}"
    if completed.returncode in {0, 1}:
        return f"ended with code {completed.returncode} and printed no report we can read"
    return f"ended with code {completed.returncode}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1][:_TAIL_CHARACTERS]}" if lines else ""
