"""How much of a report a command can mend."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from theodore_plugin.report.model import Report


def fixable_lines(report: Report) -> Iterator[Text]:
    """Yield one line that says what ``--fix`` would do, if it would do anything."""
    fixes = [fix for finding in report.findings if (fix := report.fix_of(finding)) is not None]
    safe = sum(1 for fix in fixes if fix.safe)
    unsafe = len(fixes) - safe
    if safe and unsafe:
        yield _line(f"{safe} fixable with --fix, {unsafe} more with --fix --unsafe-fixes")
    elif fixes:
        yield _line(f"{safe} fixable with --fix" if safe else f"{unsafe} fixable with --fix --unsafe-fixes")


def _line(text: str) -> Text:
    return Text(f"{text} (--diff shows what would change)", "cyan")
