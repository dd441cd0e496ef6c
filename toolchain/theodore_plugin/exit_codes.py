"""What the process says when it ends (``docs/exit-codes.md``)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from theodore_plugin.finding import Verdict


class ExitCode(IntEnum):
    """One meaning each; scripts and CI branch on them."""

    PASS = 0
    FINDINGS = 1
    USAGE = 2
    NOTHING = 3
    INCOMPLETE = 4
    REFUSED = 5
    INTERRUPTED = 130


PRECEDENCE = (ExitCode.USAGE, ExitCode.REFUSED, ExitCode.INCOMPLETE, ExitCode.FINDINGS, ExitCode.NOTHING, ExitCode.PASS)
"""When several codes apply, the first of these wins."""

OF_VERDICT = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.FAIL: ExitCode.FINDINGS,
    Verdict.INCOMPLETE: ExitCode.INCOMPLETE,
}


def strongest(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code that wins when several apply; no code at all means there was nothing to do."""
    present = set(codes)
    return next((code for code in PRECEDENCE if code in present), ExitCode.NOTHING)
