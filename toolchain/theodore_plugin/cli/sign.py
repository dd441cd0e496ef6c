"""``theodore-plugin sign``: check a wheel's own bytes, then sign them and the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import print_problem, stdout, visible
from theodore_plugin.cli.progress import Progress
from theodore_plugin.cli.signing_choice import Choice, signing_choice

if TYPE_CHECKING:
    from theodore_plugin.signing.sign import NotSigned, Signed


@click.command("sign")
@click.argument("wheel", type=click.Path(path_type=Path))
@signing_choice
@options.check_policy
@options.audience
@options.advisories
def command(
    wheel: Path,
    choice: Choice,
    policy: str | None,
    audience: str | None,
    advisories: str | None,
) -> int | None:
    """Check WHEEL, then sign it and the verdict about it.

    Writes WHEEL.sigstore.json and WHEEL.attestations.jsonl beside the wheel. A wheel whose check does not pass is not
    signed: exit code 1 or 4, with the report.
    """
    from theodore_loader.trust.files import refuse_missing
    from theodore_plugin.engine import run
    from theodore_plugin.project import PluginProject
    from theodore_plugin.settings import Options, Settings
    from theodore_plugin.signing.sign import NotSigned, read_wheel, sign

    refuse_missing(wheel)
    content = read_wheel(wheel)
    signing = choice.open()
    project = PluginProject.open(wheel)
    settings = Settings.load(project, Options(policy=policy, audience=audience, advisories=advisories)).whole()
    with Progress() as progress:
        report = run(project, settings, watch=progress.watch)
    try:
        _show(wheel, sign(wheel, content, report, settings.policy, signing))
    except NotSigned as refusal:
        return _show_refusal(refusal)
    return None


def _show(wheel: Path, signed: Signed) -> None:
    stdout.print(visible(f"signed {wheel}"), style="bold")
    for label, value in (
        ("sha256", signed.sha256),
        ("identity", signed.identity),
        ("instance", signed.instance),
        ("log", f"entries {signed.log_indexes[0]} (wheel) and {signed.log_indexes[1]} (verdict)"),
        ("bundle", str(signed.bundle)),
        ("verdict", str(signed.attestations)),
    ):
        stdout.print(visible(f"  {label:<9} {value}"))
    stdout.print(visible(f"next: theodore-plugin verify {wheel}"))


def _show_refusal(refusal: NotSigned) -> int:
    from theodore_plugin.cli.replay import emit
    from theodore_plugin.cli.reporting import show_reports
    from theodore_plugin.cli.screen import Screen
    from theodore_plugin.exit_codes import OF_VERDICT

    screen = Screen(stdout)
    show_reports([refusal.report], "full", screen)
    emit(screen.shown(), "")
    print_problem(refusal.message, help=refusal.help)
    return OF_VERDICT[refusal.report.verdict]
