"""``theodore-plugin package``: from a project to a wheel that can be signed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import print_problem, stdout, visible
from theodore_plugin.cli.progress import Progress

if TYPE_CHECKING:
    from theodore_plugin.packaging.package import NotPackaged, Packaged


@click.command("package")
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--output-dir", "out_dir", type=click.Path(path_type=Path), help="Folder for the wheel; default: PATH/dist."
)
@options.check_policy
@options.advisories
@click.option("--upgrade-lock", is_flag=True, help="Resolve the dependencies anew, even if pylock.toml still fits.")
def command(
    path: Path, out_dir: Path | None, policy: str | None, advisories: str | None, upgrade_lock: bool
) -> int | None:
    """Check the plugin at PATH, lock its dependencies, and build a reproducible wheel.

    Writes PATH/pylock.toml where it is missing or no longer fits. A plugin whose check does not pass is not packaged:
    exit code 1 or 4, with the report.
    """
    from theodore_plugin.packaging.package import NotPackaged, package
    from theodore_plugin.project import PluginProject
    from theodore_plugin.settings import Options, Settings

    settings = Settings.load(PluginProject.open(path), Options(policy=policy, advisories=advisories))
    try:
        with Progress() as progress:
            target = out_dir if out_dir is not None else path / "dist"
            packaged = package(path, target, settings, upgrade_lock=upgrade_lock, watch=progress.watch)
    except NotPackaged as refusal:
        return _show_refusal(refusal)
    _show(packaged, _same_terms(policy, advisories))
    return None


def _show(packaged: Packaged, same: Sequence[str]) -> None:
    wheel = packaged.wheel
    stdout.print(visible(f"packaged {packaged.wheel_path}"), style="bold")
    for label, value in (
        ("plugin", f"{wheel.name} {wheel.version}"),
        ("sha256", wheel.sha256),
        ("size", f"{len(wheel.data):,} bytes, {len(wheel.entries)} files"),
        ("locked", f"{packaged.locked} distributions"),
        ("check", packaged.report.verdict.value),
    ):
        stdout.print(visible(f"  {label:<7} {value}"))
    stdout.print(visible(f"next: theodore-plugin sign {shlex.join([str(packaged.wheel_path), *same])}"))


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
