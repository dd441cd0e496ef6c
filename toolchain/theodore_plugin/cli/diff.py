"""``theodore-plugin diff``: what a new version of a plugin may do more, and what else changed."""

from __future__ import annotations

from pathlib import Path

import click

from theodore_plugin.cli import options


@click.command("diff")
@click.argument("targets", nargs=-1, metavar="[OLD] NEW")
@options.host_policy
@options.trust_file
@click.option("--code/--no-code", default=True, help="Whether the code of both is analysed; without, it takes no time.")
@click.option("--all", "everything", is_flag=True, help="List everything, however many screens it takes.")
@options.text_or_json
def command(
    targets: tuple[str, ...], policy: str, trust_file: Path | None, code: bool, everything: bool, output_format: str
) -> int:
    """Show on one screen what NEW may do more than OLD, who answers for it, and what else changed.

    OLD and NEW are wheels, project folders, or names of installed plugins. Without OLD it is what is installed under
    the name of NEW. Nothing of either is run, and nothing is fetched.

    Exit codes: 0 nothing increases, 1 something does, 2 wrong usage, 3 nothing to compare, 4 a file could not be
    analysed, 5 a wheel is not acceptable.
    """
    from theodore_plugin.cli.difference_answer import Asked, answer

    if not 0 < len(targets) < 3:
        raise click.UsageError(f"diff takes OLD and NEW, or NEW alone; got {len(targets)}")
    return answer(Asked(targets, policy, trust_file, code, everything, output_format == "json"))
