"""``theodore-plugin inspect``: what a wheel says of itself, believed by nobody yet."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible

if TYPE_CHECKING:
    from theodore_plugin.inspection.model import Inspection

_COLUMN = 14
"""Where values begin."""
_NARROWEST = 40


@click.command("inspect")
@click.argument("wheel", type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Everything: files, certificates, log entries, statements.")
@options.text_or_json
def command(wheel: Path, everything: bool, output_format: str) -> None:
    """Show what WHEEL and the files beside it say: manifest, permissions, signer, verdict, dependencies, contents.

    Nothing is verified, and no trust file is read: names and verdicts are shown as claimed. `verify` tells what of it
    a host would believe. Exit codes: 0 shown, 2 no such file, 5 a wheel that no host would open.
    """
    from theodore_plugin.inspection.inspect import inspect

    found = inspect(wheel)
    if output_format == "json":
        _print_json(found)
    else:
        _print_text(wheel, found, everything=everything)


def _print_json(found: Inspection) -> None:
    import json

    from theodore_plugin.inspection.document import document

    stdout.out(json.dumps(document(found), indent=2), highlight=False)


def _print_text(wheel: Path, found: Inspection, *, everything: bool) -> None:
    from theodore_plugin.inspection.text import bundle_lines, rows

    title = f"{found.wheel.name} {found.wheel.version}: inspected, NOT VERIFIED; anybody can claim any of this"
    stdout.print(visible(title), style="bold")
    for label, value in rows(found, everything=everything):
        _print_row(label, visible(value))
    if everything:
        for bundle in found.bundles:
            stdout.print()
            for line in bundle_lines(bundle):
                stdout.print(visible(line))
    else:
        stdout.print("everything: --all")
    stdout.print(visible(f"next: theodore-plugin verify {wheel}"))


def _print_row(label: str, value: str) -> None:
    """Print a value beside its label; on a terminal, words stay whole and lines stay in their column."""
    room = stdout.width - _COLUMN if stdout.is_terminal else len(value)
    lines = wrap(value, max(room, _NARROWEST), break_long_words=False, break_on_hyphens=False) or [""]
    for number, line in enumerate(lines):
        stdout.print(f"  {'' if number else label:<11} {line}")
