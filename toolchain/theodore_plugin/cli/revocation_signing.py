"""The commands of a revoker: every change is a new signed list with the next sequence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stderr, stdout, visible
from theodore_plugin.cli.revocation_options import Named, moment, naming
from theodore_plugin.cli.signing_choice import Choice, signing_choice

if TYPE_CHECKING:
    from theodore_plugin.signing.revoke import SignedRevocations

_revoker = click.option("--revoker", metavar="ID", help="Whose list it is; needed to begin one.")
_days = click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="After so many days the list expires: sign the next one before.",
)
_after = click.option(
    "--after",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Go on after this sequence: where the lists before are lost.",
)
_list = click.argument("path", metavar="LIST", type=click.Path(path_type=Path, dir_okay=False))
_reason = click.option("--reason", required=True, help="Why; shown to whoever is refused.")


@click.command("sign", short_help="Sign entries, or a list anew, as the next list.")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@_revoker
@_days
@_after
@options.trust_file
@signing_choice
def sign(path: Path, revoker: str | None, days: int, after: int, trust_file: Path | None, choice: Choice) -> None:
    """Sign the entries in FILE as the next list of a revoker; a signed list as FILE is signed anew as it is.

    Entries are written to ID.sigstore.json beside FILE. The sequence and the dates are set here.
    """
    from theodore_loader.errors import ConfigurationProblem
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.signing.revoke import SUFFIX, before, keeping, read_draft, replacing, sign_next

    trust = TrustFile.load(trust_file)
    if path.name.endswith(SUFFIX):
        last, change = before(path, None, trust), keeping()
    elif revoker is None:
        raise ConfigurationProblem("entries do not say whose list they are", help="add --revoker ID")
    else:
        change = replacing(read_draft(path))
        path = path.with_name(revoker + SUFFIX)
        last = before(path, revoker, trust)
    _show(sign_next(path, last, change, choice.open(), days=days, after=after))


@click.command("add", short_help="Revoke something: sign LIST with one more entry.")
@_list
@naming
@click.option("--from", "since", metavar="TIME", help="With --identity: signatures from then on are revoked.")
@click.option(
    "--action",
    type=click.Choice(["block-load", "block-install", "yank", "warn"]),
    default="block-load",
    show_default=True,
    help="What hosts do.",
)
@_reason
@click.option("--url", required=True, help="Where people read more.")
@_revoker
@_days
@_after
@options.trust_file
@signing_choice
def add(
    path: Path,
    named: Named,
    since: str | None,
    action: str,
    reason: str,
    url: str,
    revoker: str | None,
    days: int,
    after: int,
    trust_file: Path | None,
    choice: Choice,
) -> None:
    """Revoke something: sign LIST anew with one more entry. With --revoker, LIST need not be there yet."""
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.signing.revoke import adding, before, entry_of, sign_next

    trust = TrustFile.load(trust_file)
    last = before(path, revoker, trust)
    entry = entry_of(named.fields(last.revoker, trust), moment(since), action=action, reason=reason, url=url)
    _show(sign_next(path, last, adding(entry), choice.open(), days=days, after=after))


@click.command("withdraw", short_help="Undo a revocation: mark its entries as withdrawn.")
@_list
@naming
@_reason
@_days
@_after
@options.trust_file
@signing_choice
def withdraw(
    path: Path, named: Named, reason: str, days: int, after: int, trust_file: Path | None, choice: Choice
) -> None:
    """Undo a revocation: sign LIST anew with the entries about this marked as withdrawn."""
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.signing.revoke import before, sign_next, withdrawing

    trust = TrustFile.load(trust_file)
    last = before(path, None, trust)
    change = withdrawing(named.fields(last.revoker, trust), reason)
    _show(sign_next(path, last, change, choice.open(), days=days, after=after))


def _show(signed: SignedRevocations) -> None:
    document = signed.document
    withdrawn = sum(entry.withdrawn is not None for entry in document.entries)
    stdout.print(visible(f"signed list {document.sequence} of {signed.revoker}"), style="bold")
    stdout.print(f"  entries   {len(document.entries) - withdrawn} hold, {withdrawn} withdrawn")
    stdout.print(f"  expires   {document.expires:%Y-%m-%d %H:%M}Z")
    stdout.print(visible(f"  list      {signed.path}"))
    if not signed.checked:
        stderr.print(
            visible(
                f"note: the trust file names no revoker {signed.revoker}, so who signed the list before was not checked"
            )
        )
    stdout.print(visible("next: publish it; hosts run theodore-plugin revocations update FILE|URL"))
