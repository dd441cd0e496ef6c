"""``theodore-plugin run``: load a plugin as a host does and call one of its methods."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from theodore_plugin.cli import options


@click.command("run")
@click.argument("plugin", metavar="NAME|WHEEL")
@click.argument("method")
@click.option(
    "--json", "arguments", metavar="JSON", default="{}", help="Arguments by name, such as '{\"request\": {…}}'."
)
@click.option("--config", metavar="JSON|FILE", default="{}", help="The plugin's configuration.")
@options.host_policy
@options.trust_file
@options.minimum_tier
@options.authorities
@click.option("--quiet", is_flag=True, help="Print the result only.")
def command(
    plugin: str,
    method: str,
    arguments: str,
    config: str,
    policy: str,
    trust_file: Path | None,
    minimum_tier: str | None,
    authorities: Path | None,
    quiet: bool,
) -> None:
    """Verify and load NAME (installed) or WHEEL in its sandbox, call METHOD, print the result as JSON.

    What the sandbox reached, each access and the timings go to stderr.
    Exit codes: 0 the method returned, 1 it failed or was denied something, 2 wrong usage, 5 refused.
    """
    from theodore_loader.policy import load_policy
    from theodore_loader.sandbox.tier import Tier
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin import trial
    from theodore_plugin.cli.trial_output import show

    wanted = trial.Trial(
        plugin=plugin,
        method=method,
        arguments=trial.json_object(arguments, "--json"),
        config=trial.json_object(trial.text_or_file(config), "--config"),
        trust=TrustFile.load(trust_file),
        policy=load_policy(policy),
        minimum_tier=None if minimum_tier is None else Tier[minimum_tier.upper()],
        authorities=authorities,
    )
    show(asyncio.run(trial.run(wanted)), quiet=quiet)
