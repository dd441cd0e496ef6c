"""``theodore-plugin package``: from a project to a wheel that can be signed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import print_problem, stdout
from theodore_plugin.cli.progress import Progress

if TYPE_CHECKING:
    from theodore_plugin.packaging.package import NotPackaged, Packaged
    from theodore_plugin.settings import Settings


@click.command("package")
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--output-dir", "out_dir", type=click.Path(path_type=Path), help="Folder for the wheel; default: PATH/dist."
)
@options.check_policy
@options.advisories
@click.option("--upgrade-lock", is_flag=True, help="Resolve the dependencies anew, even if pylock.toml still fits.")
@click.option(
    "--verify-reproducible",
    is_flag=True,
    help="Build twice, in different folders and under another umask, time zone, locale and hash seed; refuse a wheel "
    "that comes out differently.",
)
@click.option(
    "--list", "listing", is_flag=True, help="Show every file that would be in the wheel, and do nothing else."
)
@click.option("--output-format", "--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    path: Path,
    out_dir: Path | None,
    policy: str | None,
    advisories: str | None,
    upgrade_lock: bool,
    verify_reproducible: bool,
    listing: bool,
    output_format: str,
) -> int | None:
    """Check the plugin at PATH, lock its dependencies, and build a reproducible wheel.

    Writes PATH/pylock.toml where it is missing or no longer fits. A plugin whose check does not pass is not packaged:
    exit code 1 or 4, with the report. With --list, PATH may also be a wheel.
    """
    from theodore_plugin.packaging.package import NotPackaged
    from theodore_plugin.project import PluginProject
    from theodore_plugin.settings import Options, Settings

    if listing:
        from theodore_plugin.cli.package_output import show_shipped

        show_shipped(path, Options(policy=policy, advisories=advisories), output_format)
        return None
    settings = Settings.load(PluginProject.open(path), Options(policy=policy, advisories=advisories))
    try:
        packaged = _packaged(path, out_dir, settings, upgrade=upgrade_lock, twice=verify_reproducible)
    except NotPackaged as refusal:
        return _show_refusal(refusal)
    from theodore_plugin.cli.package_output import show_packaged

    show_packaged(packaged, _same_terms(policy, advisories), output_format)
    return None


def _packaged(path: Path, out_dir: Path | None, settings: Settings, *, upgrade: bool, twice: bool) -> Packaged:
    from theodore_plugin.packaging.package import package

    target = out_dir if out_dir is not None else path / "dist"
    with Progress() as progress:
        return package(path, target, settings, upgrade_lock=upgrade, verify_reproducible=twice, watch=progress.watch)


def _same_terms(policy: str | None, advisories: str | None) -> list[str]:
    """Return the options that make the next command judge as this one did."""
    terms = (("--policy", policy), ("--advisories", advisories))
    return [part for option, value in terms if value for part in (option, value)]


def _show_refusal(refusal: NotPackaged) -> int:
    from theodore_plugin.cli.replay import emit
    from theodore_plugin.cli.reporting import show_reports
    from theodore_plugin.cli.screen import Screen
    from theodore_plugin.exit_codes import OF_VERDICT

    screen = Screen(stdout)
    show_reports([refusal.report], "full", screen)
    emit(screen.shown(), "")
    print_problem(refusal.message, help=refusal.help)
    return OF_VERDICT[refusal.report.verdict]
