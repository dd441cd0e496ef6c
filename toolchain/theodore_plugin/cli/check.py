"""``theodore-plugin check``: one project, one verdict."""

from __future__ import annotations

from pathlib import Path

import click

from theodore_plugin.cli import options


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@options.check_policy
@click.option(
    "--output-format",
    type=click.Choice(["full", "concise", "json"]),
    default="full",
    show_default=True,
    help="How the report is printed on standard output.",
)
@options.advisories
@options.environment
@options.capability_map
@click.option("--persona", type=click.Choice(["regular", "auditor"]), help="Auditors also see low confidence findings.")
@click.option("--matrix", is_flag=True, help="Also answer for each known host version in the declared range.")
def command(
    path: Path,
    policy: str | None,
    output_format: str,
    advisories: str | None,
    environment: Path | None,
    capability_maps: tuple[Path, ...],
    persona: str | None,
    matrix: bool,
) -> int:
    """Check the plugin project or wheel at PATH and print one verdict.

    Exit codes: 0 pass, 1 findings, 2 wrong usage, 3 nothing to check, 4 incomplete, 5 refused.
    """
    from theodore_plugin.cli.console import stdout, visible
    from theodore_plugin.cli.progress import Progress
    from theodore_plugin.cli.reporting import print_report
    from theodore_plugin.engine import run
    from theodore_plugin.exit_codes import OF_VERDICT
    from theodore_plugin.finding import Verdict
    from theodore_plugin.project import PluginProject
    from theodore_plugin.settings import Options, Settings

    project = PluginProject.open(path)
    asked = Options(
        policy=policy,
        advisories=advisories,
        persona=persona,
        environment=environment,
        capability_maps=capability_maps,
    )
    settings = Settings.load(project, asked)
    with Progress() as progress:
        report = run(project, settings, watch=progress.watch)
    print_report(report, output_format, matrix=matrix)
    if output_format == "full" and report.verdict is Verdict.PASS and not project.is_wheel:
        stdout.print(visible(f"next: theodore-plugin package{'' if path == Path() else f' {path}'}"))
    return OF_VERDICT[report.verdict]
