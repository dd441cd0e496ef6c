"""``theodore-plugin install``: verify a wheel, store it, and make its dependencies ready."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible


@click.command("install")
@click.argument("wheel", type=click.Path(path_type=Path))
@options.host_policy
@options.trust_file
@click.option(
    "--find-links",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    multiple=True,
    help="Folder of wheels to take locked dependencies from; may be repeated.",
)
def command(wheel: Path, policy: str, trust_file: Path | None, find_links: tuple[Path, ...]) -> None:
    """Verify WHEEL as a host does, store exactly the verified bytes, install its locked dependencies.

    Exit codes: 0 installed, 2 wrong usage or a dependency that cannot be fetched, 5 refused.
    """
    from theodore_loader.host import PluginHost
    from theodore_loader.policy import load_policy
    from theodore_loader.trust.trust_file import TrustFile

    host = PluginHost(trust=TrustFile.load(trust_file), policy=load_policy(policy), find_links=find_links)
    plugin = asyncio.run(host.install(wheel))
    stdout.print(visible(f"installed {plugin.name} {plugin.version}"), style="bold green")
    stdout.print(visible(f"  sha256 {plugin.sha256}"))
    stdout.print(visible(f"next: theodore-plugin run {plugin.name} METHOD --json '{{…}}'"))
