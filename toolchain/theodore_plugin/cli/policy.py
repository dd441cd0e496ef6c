"""``theodore-plugin policy show`` and ``policy check``."""

from __future__ import annotations

from pathlib import Path

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout


@click.group(no_args_is_help=True)
def command() -> None:
    """Validate and show policies.

    POLICY is default, strict, development, or the path of a policy file.
    """


@command.command()
@click.argument("policy", default="default")
@options.text_or_json
def show(policy: str, output_format: str) -> None:
    """Show the effective policy and its digest.

    What a policy extends is laid under it, and defaults are spelled out. The digest covers everything that decides;
    comments, layout, reasons and order do not change it.
    """
    from theodore_loader.policy import load_policy
    from theodore_plugin.report import policy as report

    loaded = load_policy(policy)
    lines = report.json_lines(loaded) if output_format == "json" else report.text_lines(loaded)
    for line in lines:
        stdout.print(line)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """List everything wrong with a policy file.

    Each problem comes with line and column; the exit code is 2 if there is any.
    """
    from theodore_loader.policy import load_policy

    policy = load_policy(file)
    stdout.print(f"{file}: a usable policy, {policy.name} sha256:{policy.digest}")
