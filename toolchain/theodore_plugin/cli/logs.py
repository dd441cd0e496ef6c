"""``theodore-plugin logs``: what a plugin printed and logged, and with ``--access`` what it did."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

LEVELS = ("debug", "info", "warning", "error", "critical")


@click.command("logs")
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on showing what is added, until Ctrl-C.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="How many of the last lines to begin with.",
)
@click.option("--level", type=click.Choice(LEVELS), default="debug", help="Leave out what is less grave.")
@click.option("--access", is_flag=True, help="Show the access log instead: what was used, and what was refused.")
@click.option("--denied", is_flag=True, help="Show what was refused alone; implies --access.")
@click.option("--output-format", "--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(name: str, follow: bool, lines: int, level: str, access: bool, denied: bool, output_format: str) -> None:
    """Show the last lines of the plugin NAME, from a running host or from one that has ended.

    JSON is one record a line, as it is kept.
    """
    from theodore_loader.paths import home_dir
    from theodore_plugin.cli import log_lines
    from theodore_plugin.cli.console import stdout

    wanted = log_lines.Wanted(
        path=_path(home_dir() / "logs", name, access=access or denied),
        access=access or denied,
        level=logging.getLevelNamesMapping()[level.upper()],
        denied=denied,
    )
    for entry in _entries(wanted, lines, follow=follow):
        if output_format == "json":
            stdout.out(log_lines.as_json(entry), highlight=False)
        else:
            stdout.print(log_lines.as_text(entry))


def _entries(wanted: Any, lines: int, *, follow: bool) -> Iterator[dict[str, Any]]:
    from theodore_plugin.cli import log_lines

    return log_lines.followed(wanted, lines) if follow else iter(log_lines.last(wanted, lines))


def _path(folder: Path, name: str, *, access: bool) -> Path:
    """Find the log among those that exist: a name is never made into a path."""
    from theodore_loader.errors import ConfigurationProblem

    suffix = ".access.jsonl" if access else ".log.jsonl"
    found = {path.name.removesuffix(suffix): path for path in folder.glob(f"*{suffix}")} if folder.is_dir() else {}
    if name not in found:
        kept = ", ".join(sorted(found)) or "none"
        what = "access log" if access else "log"
        raise ConfigurationProblem(
            f"there is no {what} of a plugin {name!r} in {folder}",
            help=f"plugins with one: {kept}; THEODORE_PLUGIN_HOME names the state folder of another host",
        )
    return found[name]
