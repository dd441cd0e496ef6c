"""``theodore-plugin check``: projects in, one verdict each, one exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.forms import Output
from theodore_plugin.cli.program import Session


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@options.check_policy
@options.audience
@options.profile
@click.option(
    "--write-profile",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Publish the terms of this check: write them to FILE, for --profile.",
)
@click.option("--show-settings", is_flag=True, help="Show every setting and where it comes from; check nothing.")
@options.reporting
@options.advisories
@options.environment
@options.capability_map
@options.scanner
@click.option(
    "--as-library",
    is_flag=True,
    default=None,
    help="Check any Python package, which is no Theodore plugin: rules about plugins do not run.",
)
@options.selecting
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Do not report the findings this file accepts; what is new is reported.",
)
@click.option(
    "--write-baseline",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Accept what is found now: write it to FILE, for --baseline.",
)
@click.option("--persona", type=click.Choice(["regular", "auditor"]), help="Auditors also see low confidence findings.")
@click.option("--matrix", is_flag=True, help="Also answer for each known host version in the declared range.")
@options.fixing
@click.option("--watch", "keep_watching", is_flag=True, help="Check again whenever something changes, until Ctrl-C.")
@click.option("--exit-zero", is_flag=True, help="End with 0 where findings would give 1, and say so.")
@click.option("--no-cache", is_flag=True, help="Look at everything anew, and keep nothing for the next time.")
@click.pass_obj
def command(
    session: Session,
    /,
    paths: tuple[Path, ...],
    output_format: str,
    outputs: tuple[Output, ...],
    matrix: bool,
    exit_zero: bool,
    write_baseline: Path | None,
    write_profile: Path | None,
    show_settings: bool,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    keep_watching: bool,
    **asked: Any,
) -> int:
    """Check plugin projects or wheels and print one verdict for each.

    PATHS are project folders, wheels, or files of projects (as a commit names them); default: this folder. A plugin is
    always checked as a whole; what has not changed since the last time is not looked at again.

    Exit codes: 0 pass, 1 findings, 2 wrong usage, 3 nothing to check, 4 incomplete, 5 refused. Of several projects,
    the first of 2, 5, 4, 1 that occurs.
    """
    from theodore_plugin.cli.checking import Asked, check
    from theodore_plugin.cli.fixing import Fixing
    from theodore_plugin.settings import Options

    if show_settings:
        from theodore_plugin.cli.showing import show_settings as show

        show(paths, Options(**asked), output_format)
        return 0
    fixing = Fixing.of(fix=fix, unsafe=unsafe_fixes, diff=diff)
    wanted = Asked(paths, output_format, matrix, exit_zero, write_baseline, fixing, outputs, write_profile)
    if keep_watching:
        from theodore_plugin.cli.checking import check_and_watch

        check_and_watch(wanted, Options(**asked), session)
    return check(wanted, Options(**asked), session)
