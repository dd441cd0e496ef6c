"""``theodore-plugin lock``: which files of which dependencies a plugin is installed with, everywhere it may run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stderr, stdout, visible

if TYPE_CHECKING:
    from theodore_plugin.packaging.lock import Relocked
    from theodore_plugin.packaging.targets import Range


@click.command("lock")
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option("--upgrade", is_flag=True, help="Take the newest versions that fit, instead of keeping the locked ones.")
@click.option(
    "--upgrade-package",
    "names",
    metavar="NAME",
    multiple=True,
    help="Take the newest version of NAME that fits; the others stay. Repeatable.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if the lock is missing or stale.")
@options.check_policy
def command(path: Path, upgrade: bool, names: tuple[str, ...], check: bool, policy: str | None) -> int:
    """Lock the dependencies of the plugin at PATH: PATH/pylock.toml.

    One lock serves every Python and platform that the plugin declares. What is locked and still fits stays. Releases
    younger than the policy accepts are not taken.
    """
    from theodore_plugin.packaging.lock import Upgrade, relock, write_lock
    from theodore_plugin.packaging.targets import declared_range
    from theodore_plugin.project import PluginProject
    from theodore_plugin.settings import Options, Settings

    project = PluginProject.open(path)
    if project.is_wheel:
        raise click.UsageError(f"{path} is a wheel: its lock is signed with it and stays as it is")
    settings = Settings.load(project, Options(policy=policy))
    with stderr.status("resolving the dependencies"):
        made = relock(project, Upgrade(upgrade, names), age=settings.policy.dependencies)
    if not check:
        write_lock(project, made)
    return _show(made, declared_range(project), check=check)


def _show(made: Relocked, wanted: Range, *, check: bool) -> int:
    from theodore_plugin.packaging.lock_changes import changes, range_changes

    for line in made.warnings:
        stderr.print(visible(f"warning: {line}"), style="yellow")
    differences = [*map(str, changes(made.before, made.after)), *range_changes(made.before, made.after)]
    is_current = made.before is not None and not differences
    count = len({package.name for package in made.after.packages})
    platforms = ", ".join(platform.name for platform in wanted.platforms)
    what = "is up to date" if is_current else "is stale" if check else "written"
    stdout.print(visible(f"pylock.toml {what if made.before or not check else 'is missing'}"), style="bold")
    stdout.print(visible(f"  {count} distributions for Python {', '.join(wanted.pythons)} on {platforms}"))
    for line in differences:
        stdout.print(visible(f"  {line}"))
    if check and not is_current:
        stderr.print(visible("help: run `theodore-plugin lock` and commit the file"))
        return 1
    return 0
