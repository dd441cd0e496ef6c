"""``theodore-plugin instance``: this installation's signing instance as a service for a team."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli.console import stderr, stdout, visible

if TYPE_CHECKING:
    from theodore_plugin.signing.local.instance import LocalInstance
    from theodore_plugin.signing.service.config import ServiceConfig


@click.group("instance")
def command() -> None:
    """Run a signing instance for a team."""


@command.command("serve")
@click.option(
    "--config",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="The service's configuration (docs/guide/team-instance.md).",
)
@click.option(
    "--check", "only_check", is_flag=True, help="Read the configuration, ask each issuer for its keys, and end."
)
def serve(path: Path, only_check: bool) -> int | None:
    """Certify a team's people and jobs, until SIGTERM.

    Issues certificates for tokens of the team's own OIDC issuers and keeps the transparency log of what is signed with
    them. What it does goes to standard output, one JSON object a line. Clients sign with --trust-config URL#sha256=….
    """
    from theodore_plugin.signing.service.config import ServiceConfig
    from theodore_plugin.signing.service.serve import serve

    config = ServiceConfig.load(path)
    if only_check:
        return _check(config)
    serve(config, lambda instance, address: _announce(config, instance, address))
    return None


def _check(config: ServiceConfig) -> int:
    from theodore_plugin.signing.service.serve import check

    found = check(config)
    stdout.print(visible(f"configuration  {config.path}"))
    stdout.print(visible(f"instance       {config.place.instance}"))
    stdout.print(visible(f"url            {config.place.url}"))
    for one in found:
        stdout.print(visible(f"issuer         {one.issuer}: {one.problem or f'{one.keys} keys'}"))
    return 1 if any(one.problem for one in found) else 0


def _announce(config: ServiceConfig, instance: LocalInstance, address: str) -> None:
    # standard output is the log's
    stderr.print(visible(f"serving {config.place.url} on {address}"))
    stderr.print(
        visible(f"clients: theodore-plugin sign --trust-config {config.place.url}#sha256={instance.fingerprint} WHEEL")
    )
