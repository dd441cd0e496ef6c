"""How the program ends when it does not simply return: failures, and output that cannot be written."""

from __future__ import annotations

import os
import sys
from typing import TypeGuard

PIPE_CLOSED = 128 + 13
"""As a process killed by SIGPIPE would end."""

_WRITERS = frozenset({"click", "rich", "theodore_plugin.cli.program", "theodore_plugin.cli.replay"})
"""Modules that write to standard output."""


def ending(problem: BaseException, *, debug: bool) -> int:
    """Return the exit code for whatever ended the command, after saying what there is to say."""
    if isinstance(problem, SystemExit):
        return _exit_taken_elsewhere(problem)
    if _failed_to_print(problem):
        _discard_output()
        if isinstance(problem, BrokenPipeError):  # a pager or `head` has seen enough: leave quietly
            return PIPE_CLOSED
        problem.filename = "standard output"
    from theodore_plugin.cli.failure import explain_failure

    return explain_failure(problem, debug=debug)


def _exit_taken_elsewhere(ended: SystemExit) -> int:
    """Return the code of an exit taken inside rich, whose pipe was closed, or click, for shell completion."""
    if isinstance(ended.__context__, BrokenPipeError):
        _discard_output()
        return PIPE_CLOSED
    return ended.code if isinstance(ended.code, int) else 0


def _failed_to_print(problem: BaseException) -> TypeGuard[OSError]:
    """Return whether printing is what failed: a failing write names no file, but shows who was writing."""
    if not isinstance(problem, OSError) or problem.filename is not None:
        return False
    module = _innermost_module(problem)
    return module in _WRITERS or module.partition(".")[0] in _WRITERS


def _innermost_module(problem: BaseException) -> str:
    trace, name = problem.__traceback__, ""
    while trace is not None:
        name, trace = str(trace.tb_frame.f_globals.get("__name__")), trace.tb_next
    return name


def _discard_output() -> None:
    """Send what is still buffered nowhere, so that the interpreter's last flush succeeds."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
