"""``theodore-plugin usage``: which plugins a change of the SDK touches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible

if TYPE_CHECKING:
    from theodore_plugin.inspection.usage import Use


@click.command("usage")
@click.argument("symbol")
@click.argument("wheels", metavar="[WHEEL]...", nargs=-1, type=click.Path(path_type=Path))
@options.text_or_json
def command(symbol: str, wheels: tuple[Path, ...], output_format: str) -> int:
    """Say which plugins use SYMBOL of the SDK, a dotted name or a part of one: what breaks if it goes.

    Asked are WHEELs, or all installed plugins, by the list that every packaged wheel carries. Nothing is verified, and
    no code is looked at.

    Exit codes: 0 none uses it, 1 some do, 3 nothing to ask, 4 some do not say.
    """
    from theodore_loader.paths import home_dir
    from theodore_plugin.exit_codes import ExitCode
    from theodore_plugin.inspection.usage import uses

    found = uses(symbol, wheels, home_dir())
    if output_format == "json":
        stdout.out(json.dumps({"symbol": symbol, "plugins": list(map(asdict, found))}, indent=2), highlight=False)
    else:
        _show(symbol, found)
    if any(use.names for use in found):
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if any(use.problem for use in found) else 0


def _show(symbol: str, found: Sequence[Use]) -> None:
    using = [use for use in found if use.names]
    stdout.print(visible(f"{symbol} is used by {len(using)} of {len(found)}"), style="bold")
    for use in using:
        stdout.print(visible(f"  {_label(use)}"))
        for name in use.names:
            stdout.print(visible(f"    {name}"))
    for use in found:
        if use.problem:
            stdout.print(visible(f"  {_label(use)}: not known, {use.problem}"))


def _label(use: Use) -> str:
    return f"{use.plugin} {use.version or ''} ({use.place})"
