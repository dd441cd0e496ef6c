"""``theodore-plugin advisories``: the local database of known vulnerabilities."""

from __future__ import annotations

from pathlib import Path

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stderr, stdout, visible

_allow_older = click.option(
    "--allow-older", is_flag=True, help="Accept data that is older than the data in place, which is refused otherwise."
)


@click.group("advisories", no_args_is_help=True)
def command() -> None:
    """Keep known vulnerabilities on this machine, for audits without a network.

    `theodore-plugin check --advisories local` asks this database instead of the online service.
    """


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@_allow_older
def import_(file: Path, allow_older: bool) -> None:
    """Replace the database by a snapshot.

    FILE is an OSV snapshot: .jsonl or .jsonl.gz with one record per line, the OSV all.zip, or a folder of .json files.
    Everything in it is imported, or nothing.
    """
    from datetime import UTC, datetime

    from theodore_plugin.advisories.build import Origin
    from theodore_plugin.advisories.describe import imported_lines
    from theodore_plugin.advisories.snapshot import import_file
    from theodore_plugin.advisories.store import database_path

    origin = Origin(file.name or str(file), datetime.now(UTC))
    with stderr.status(visible(f"importing {file}")):
        about = import_file(file, database_path(), origin, allow_older=allow_older)
    for line in imported_lines(about):
        stdout.print(line)


@command.command()
@click.option("--from", "url", metavar="URL", help="Another address of the bulk file: https, or http on loopback.")
@_allow_older
def update(url: str | None, allow_older: bool) -> None:
    """Fetch the official OSV bulk file and replace the database by it.

    Nothing is fetched if the server still has what was fetched last time.
    """
    from datetime import UTC, datetime

    from theodore_plugin.advisories.describe import imported_lines
    from theodore_plugin.advisories.fetch import OFFICIAL
    from theodore_plugin.advisories.store import database_path
    from theodore_plugin.advisories.update import update as bring_up_to_date

    with stderr.status(visible(f"fetching {url or OFFICIAL}")):
        updated = bring_up_to_date(url or OFFICIAL, database_path(), datetime.now(UTC), allow_older=allow_older)
    for line in imported_lines(updated.about, changed=updated.changed):
        stdout.print(line)


@command.command()
@click.option(
    "--policy",
    metavar="NAME|FILE",
    default="default",
    show_default=True,
    help="Whose bound the data's age is held against: default, strict, development, or a policy file.",
)
@options.text_or_json
def status(policy: str, output_format: str) -> None:
    """Show what the database holds, how old it is, and whether a policy accepts that."""
    from datetime import UTC, datetime

    from theodore_loader.policy import load_policy
    from theodore_plugin.advisories.describe import Status, status_json, status_lines
    from theodore_plugin.advisories.store import database_path

    found = Status.of(database_path(), load_policy(policy), datetime.now(UTC))
    for line in [status_json(found)] if output_format == "json" else status_lines(found):
        stdout.print(line)
