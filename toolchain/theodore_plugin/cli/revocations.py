"""``theodore-plugin revocations``: this host's lists of revocations, and those a revoker signs."""

from __future__ import annotations

from pathlib import Path

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible
from theodore_plugin.cli.revocation_signing import add, sign, withdraw


@click.group("revocations")
def command() -> None:
    """Take in, show and ask lists of revocations; sign lists of your own."""


command.add_command(sign)
command.add_command(add)
command.add_command(withdraw)


@command.command("update", short_help="Take in a revoker's list from FILE or URL.")
@click.argument("source", metavar="[FILE|URL]", required=False)
@click.option("--revoker", metavar="ID", help="The revoker whose list this must be; default: any of the trust file.")
@options.trust_file
def update(source: str | None, revoker: str | None, trust_file: Path | None) -> None:
    """Take in a revoker's signed list from FILE or URL; without either, from every address in the trust file.

    A list that is older than one seen before, expired, or by anybody else is refused, and the one in place stays.
    URLs are https, or http to this machine. Exit codes: 0 taken in or unchanged, 2 cannot be fetched, 5 refused.
    """
    from theodore_loader.errors import LoaderError
    from theodore_loader.paths import home_dir
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.cli.revocation_output import taken_in_lines
    from theodore_plugin.revocations.update import sources_of, take_in_from

    trust, failures = TrustFile.load(trust_file), []
    for one in sources_of(source, revoker, trust):
        try:
            taken = take_in_from(one, trust, home_dir())
        except LoaderError as problem:
            failures.append(problem)
        else:
            for line in taken_in_lines(one, taken):
                stdout.print(visible(line))
    if failures:
        raise failures[0] if len(failures) == 1 else ExceptionGroup("not every list was taken in", failures)


@command.command("show", short_help="Show this host's lists: whose, how old, how much.")
@click.option("--entries", is_flag=True, help="Show every entry, those that were withdrawn too.")
@options.trust_file
@options.text_or_json
def show(entries: bool, trust_file: Path | None, output_format: str) -> int:
    """Show this host's lists: whose, how old, by whom, and how much is on them.

    Exit codes: 0 every list is in force, 5 one is missing, expired or refused: nothing is loaded here.
    """
    from theodore_loader.trust.revocations.lookup import Revocations
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.cli.revocation_output import show_lists
    from theodore_plugin.exit_codes import ExitCode

    revocations = Revocations.of(TrustFile.load(trust_file))
    return 0 if show_lists(revocations, output_format, entries=entries) else ExitCode.REFUSED


@command.command("check", short_help="Tell what the lists say about a plugin or a digest.")
@click.argument("name_or_digest", metavar="NAME|DIGEST")
@options.trust_file
@options.text_or_json
def check(name_or_digest: str, trust_file: Path | None, output_format: str) -> int:
    """Tell what this host's lists say about an installed plugin, or about a wheel's SHA-256.

    Exit codes: 0 it would be loaded, 2 no such plugin, 5 it would be refused.
    """
    from theodore_loader.trust.revocations.lookup import Revocations
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.cli.revocation_output import show_hits
    from theodore_plugin.exit_codes import ExitCode
    from theodore_plugin.revocations.standing import subject_of

    revocations = Revocations.of(TrustFile.load(trust_file))
    hits = revocations.about(subject_of(name_or_digest, revocations))
    return ExitCode.REFUSED if show_hits(name_or_digest, hits, output_format) else 0
