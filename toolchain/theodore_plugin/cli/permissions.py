"""``theodore-plugin permissions``: what a plugin can do, and through which calls."""

from __future__ import annotations

from pathlib import Path

import click

from theodore_plugin.cli import options


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@options.text_or_json
def command(path: Path, output_format: str) -> int:
    """Show the permissions the source at PATH (a project or a wheel) needs, with evidence, and those it declares.

    This judges nothing: `theodore-plugin check` compares the two sides and the policy.
    """
    import json

    from theodore_loader.policy import load_policy
    from theodore_plugin.analysis import CoverageStatus, analyse
    from theodore_plugin.cli.console import stderr, stdout, visible
    from theodore_plugin.exit_codes import ExitCode
    from theodore_plugin.project import PluginProject
    from theodore_plugin.report.json import permissions_dict
    from theodore_plugin.report.permission_table import permission_table
    from theodore_plugin.report.permissions_text import permission_lines

    analysis = analyse(PluginProject.open(path), load_policy("default"))
    table = permission_table(analysis)
    if output_format == "json":
        stdout.out(json.dumps(permissions_dict(table), indent=2), highlight=False)
    else:
        for line in permission_lines(table):
            stdout.print(line)
    lost = [entry for entry in analysis.coverage if entry.status is CoverageStatus.FAILED]
    for entry in lost:
        stderr.print(visible(f"not analysed: {entry.path} ({entry.reason})"), style="magenta")
    return ExitCode.INCOMPLETE if lost else ExitCode.PASS
