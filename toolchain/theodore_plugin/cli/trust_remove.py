"""``theodore-plugin trust remove-root | remove-publisher | …``: whatever was added can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible

if TYPE_CHECKING:
    from theodore_loader.trust.edit import TrustEditor
    from theodore_loader.trust.trust_file import SignerRule

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose entries are meant, and whether all of them."""

    root: str | None
    issuer: str | None
    identity: str | None
    every: bool

    def means(self, signer: SignerRule) -> bool:
        """Tell whether an entry of ``signer`` is among them."""
        wanted = zip(
            (self.root, self.issuer, self.identity), (signer.root, signer.issuer, signer.identity), strict=True
        )
        return all(asked in (None, value) for asked, value in wanted)

    def refuse_nothing(self, *besides: object) -> None:
        """Raise ConfigurationProblem if no option says which entry is meant."""
        from theodore_loader.errors import ConfigurationProblem

        if not any((self.root, self.issuer, self.identity, *besides)):
            raise ConfigurationProblem(
                "nothing says which entry is meant",
                help="name its root, issuer, identity, plugins or id; --help lists them",
            )


_OPTIONS = (
    click.option("--root", "root", help="Only those of this root."),
    click.option("--issuer", help="Only those of this issuer."),
    click.option("--identity", help="Only those of exactly this identity, as it is written."),
    click.option("--all", "every", is_flag=True, help="Remove all that match, not one only."),
)


def _of_signer(command: Command) -> Command:
    """Take the options that say whose entries are removed, as one argument ``asked``."""

    @wraps(command)
    def collected(**options: Any) -> Any:
        mine = {name: options.pop(name) for name in Asked.__slots__}
        return command(asked=Asked(**mine), **options)

    decorated: Command = collected
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


@click.command("remove-root")
@click.argument("root_id", metavar="ID")
@click.option("--with-rules", is_flag=True, help="Remove the publishers, verifiers and revokers that refer to it, too.")
@options.trust_file
def remove_root(root_id: str, with_rules: bool, trust_file: Path | None) -> None:
    """Believe a root no longer. This is how a key is revoked: end dates inside a root are not enforced."""
    with _editor(trust_file) as editor:
        gone = editor.remove_root(root_id, with_rules=with_rules)
    _show(gone)


@click.command("limit-root")
@click.argument("root_id", metavar="ID")
@click.argument("until", metavar="YYYY-MM-DD", type=click.DateTime(["%Y-%m-%d"]))
@options.trust_file
def limit_root(root_id: str, until: datetime, trust_file: Path | None) -> None:
    """Let a root count until a day and no longer.

    After it the root's publishers and verifiers grant nothing. An earlier day stays.
    """
    with _editor(trust_file) as editor:
        editor.limit_root(root_id, until.date())
        earlier = editor.trust.roots[root_id].until
    stdout.print(visible(f"root {root_id} counts until {min(until.date(), earlier or until.date())}"))


@click.command("remove-publisher")
@click.option("--plugin", "plugins", multiple=True, help="Only those of exactly these names and globs. Repeatable.")
@_of_signer
@options.trust_file
def remove_publisher(plugins: tuple[str, ...], asked: Asked, trust_file: Path | None) -> None:
    """Take back what a publisher may publish.

    Removes the [[publisher]] that matches everything given.
    """
    asked.refuse_nothing(plugins)
    with _editor(trust_file) as editor:
        gone = editor.remove_publishers(lambda rule: plugins in ((), rule.plugins) and asked.means(rule.signer))
        _refuse_many(gone, every=asked.every)
    _show(gone)


@click.command("remove-verifier")
@click.option("--id", "verifier_id", help="Only those of this verifier.id.")
@_of_signer
@options.trust_file
def remove_verifier(verifier_id: str | None, asked: Asked, trust_file: Path | None) -> None:
    """Believe a signer's verdicts no longer.

    Removes the [[verifier]] that matches everything given.
    """
    asked.refuse_nothing(verifier_id)
    with _editor(trust_file) as editor:
        gone = editor.remove_verifiers(lambda rule: verifier_id in (None, rule.id) and asked.means(rule.signer))
        _refuse_many(gone, every=asked.every)
    _show(gone)


@click.command("remove-revoker")
@click.argument("revoker_id", metavar="ID")
@options.trust_file
def remove_revoker(revoker_id: str, trust_file: Path | None) -> None:
    """Heed a signer's revocation lists no longer.

    What they have revoked is believed again.
    """
    with _editor(trust_file) as editor:
        gone = editor.remove_revokers(lambda rule: rule.id == revoker_id)
        _refuse_many(gone, every=False)
    _show(gone)


def _editor(trust_file: Path | None) -> TrustEditor:
    from theodore_loader.errors import ConfigurationProblem
    from theodore_loader.trust.edit import TrustEditor
    from theodore_loader.trust.trust_file import INIT_COMMAND, TrustFile

    place = trust_file or TrustFile.default_path()
    if not place.exists():
        raise ConfigurationProblem(f"there is no trust file at {place}: nobody is believed", help=INIT_COMMAND)
    return TrustEditor(place)


def _refuse_many(gone: Sequence[str], *, every: bool) -> None:
    from theodore_loader.errors import ConfigurationProblem, NothingToDo

    if not gone:
        raise NothingToDo("no entry of the trust file matches", help="theodore-plugin trust show lists them")
    if len(gone) > 1 and not every:
        raise ConfigurationProblem(
            f"{len(gone)} entries match: {'; '.join(gone)}", help="say more about the one you mean, or pass --all"
        )


def _show(gone: Sequence[str]) -> None:
    for one in gone:
        stdout.print(visible(f"removed {one}"))
