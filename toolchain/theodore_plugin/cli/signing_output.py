"""How ``sign`` and ``attest`` say what they signed, or why they did not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from theodore_plugin.cli.console import print_problem, stdout, visible

if TYPE_CHECKING:
    from theodore_plugin.signing.sign import NotSigned, SignedStatement


def print_facts(*facts: tuple[str, str]) -> None:
    """Print labels and values in two columns."""
    for label, value in facts:
        stdout.print(visible(f"  {label:<10} {value}"))


def print_statements(statements: Sequence[SignedStatement]) -> None:
    """Print which statements were signed, with their digests and places in the log."""
    for one in statements:
        stdout.print(visible(f"    {one.label:<15} sha256 {one.sha256[:16]}…, log entry {one.log_index}"))


def show_not_signed(refusal: NotSigned) -> int:
    """Print the report that kept a wheel from being signed; returns the exit code."""
    from theodore_plugin.cli.replay import emit
    from theodore_plugin.cli.reporting import show_reports
    from theodore_plugin.cli.screen import Screen
    from theodore_plugin.exit_codes import OF_VERDICT

    screen = Screen(stdout)
    show_reports([refusal.report], "full", screen)
    emit(screen.shown(), "")
    print_problem(refusal.message, help=refusal.help)
    return OF_VERDICT[refusal.report.verdict]
