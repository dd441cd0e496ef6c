"""``theodore-plugin trust export | import | rotate``: from one machine's instance to what others believe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible

if TYPE_CHECKING:
    from theodore_plugin.signing.exchange import Exported
    from theodore_plugin.signing.local.instance import LocalInstance
    from theodore_plugin.signing.rotate import Rotated


@click.command("export")
@click.argument("place", metavar="FOLDER|FILE.json", type=click.Path(path_type=Path))
def export(place: Path) -> None:
    """Write this machine's trusted root and identity.

    For other machines and, in a folder, for plain sigstore tools. No secret is among it. Tell the other machine's
    user the fingerprint over another channel.
    """
    from theodore_loader.errors import ConfigurationProblem
    from theodore_loader.trust.trust_file import INIT_COMMAND
    from theodore_plugin.signing import enrol
    from theodore_plugin.signing.local.instance import exists, open_or_create

    if not exists():
        raise ConfigurationProblem("this machine has no signing instance yet", help=INIT_COMMAND)
    instance = open_or_create()
    written = enrol.export(instance, place)
    for path in written:
        stdout.print(visible(str(path)))
    _show(enrol.exported(instance))
    stdout.print(visible(f"there: theodore-plugin trust import {place} --plugin NAME"))
    if len(written) > 1:
        stdout.print("with plain sigstore, offline:")
        for line in _sigstore_commands(place, instance):
            stdout.print(visible(f"  {line}"))


def _sigstore_commands(folder: Path, instance: LocalInstance) -> list[str]:
    from theodore_plugin.signing.local.instance import ISSUER

    return [
        f"sigstore --trust-config {folder / 'trust_config.json'} verify identity --offline "
        f"--cert-identity {instance.identity} --cert-oidc-issuer {ISSUER} WHEEL"
    ]


@click.command("import")
@click.argument("place", metavar="PLACE", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--plugin", "plugins", multiple=True, required=True, help="Plugin name or glob it may publish. Repeatable."
)
@click.option("--verifier", is_flag=True, help="Believe its verdicts, too, under the policies named.")
@click.option("--policy", "policies", metavar="NAME|FILE", multiple=True, help="A policy for --verifier. Repeatable.")
@options.audience
@click.option("--max-age-days", type=click.IntRange(1), help="Refuse its verdicts when older.")
@click.option("--fingerprint", metavar="SHA256", help="What the other machine's user told; without it you are asked.")
@click.option("--as", "root_id", metavar="ID", help="Id of its root in the trust file.")
@options.trust_file
def import_(
    place: Path,
    plugins: tuple[str, ...],
    verifier: bool,
    policies: tuple[str, ...],
    audience: str | None,
    max_age_days: int | None,
    fingerprint: str | None,
    root_id: str | None,
    trust_file: Path | None,
) -> None:
    """Trust another machine's instance for named plugins.

    PLACE is what its `trust export` wrote; other plugins than those named are not granted. Compare the
    fingerprint with the one the other machine shows. Without a terminal, --fingerprint is required.
    Exit code 5: it is another one, nothing was changed.
    """
    from theodore_loader.errors import ConfigurationProblem
    from theodore_loader.policy import load_policy
    from theodore_plugin.signing.exchange import Granted, import_instance, read_exported

    if verifier != bool(policies):
        raise ConfigurationProblem(
            "--verifier and --policy belong together: a verdict counts under the policies it may be made under",
            help="theodore-plugin trust import PLACE --plugin NAME --verifier --policy default",
        )
    exported = read_exported(place)
    _show(exported)
    confirmed = fingerprint or _asked(exported)
    digests = frozenset(load_policy(policy).for_audience(audience).digest for policy in policies)
    granted = Granted(plugins, digests, max_age_days)
    root = import_instance(exported, granted, confirmed, trust_file=trust_file, root_id=root_id)
    stdout.print(visible(f"imported as root {root}: may publish {', '.join(plugins)}"))
    if policies:
        stdout.print(visible(f"its verdicts count under policy {', '.join(policies)}"))
    stdout.print(visible(f"to take it back: theodore-plugin trust remove-root {root} --with-rules"))
    _show_replaced(exported, trust_file)


def _show_replaced(exported: Exported, trust_file: Path | None) -> None:
    """Say what else is to be done where the instance says that it replaced one that is trusted here."""
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.signing.exchange import replaced_roots

    for old in replaced_roots(TrustFile.load(trust_file), exported):
        stdout.print(
            visible(f"it says it replaced root {old}, which still counts here. Ask its user, and if it is so:")
        )
        stdout.print(visible(f"  theodore-plugin trust limit-root {old} DAY, or remove-root {old} --with-rules"))
        stdout.print("  upgrades of what the old one had signed ask once for consent: no signature names a successor")


def _asked(exported: Exported) -> str:
    """Return the fingerprint once the user has confirmed it."""
    from theodore_loader.errors import ConfigurationProblem, Refused

    if not sys.stdin.isatty():
        raise ConfigurationProblem(
            "nobody is here to compare the fingerprint", help="pass the one you were told: --fingerprint SHA256"
        )
    if not click.confirm("Does the other machine show this very fingerprint?", default=False):
        raise Refused(
            "signer-not-trusted",
            "not imported: the fingerprint was not confirmed",
            help="nothing was changed; ask the other machine's user what `theodore-plugin trust export` shows",
        )
    return exported.fingerprint


def _show(exported: Exported) -> None:
    stdout.print(visible(f"identity    {exported.identity}"))
    stdout.print(visible(f"issuer      {exported.issuer}"))
    for old in exported.replaces:
        stdout.print(visible(f"replaces    {old}"))
    show_fingerprint(exported)


def show_fingerprint(exported: Exported) -> None:
    """Show a fingerprint in two lines of whole groups, whatever the width of the terminal."""
    from theodore_plugin.signing.exchange import grouped

    groups = grouped(exported.fingerprint).split()
    stdout.print(f"fingerprint {' '.join(groups[:4])}\n            {' '.join(groups[4:])}")


@click.command("rotate")
@click.option(
    "--keep-days",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    help="How long this host goes on believing what the old instance signed.",
)
@click.option("--compromised", is_flag=True, help="A key may have been copied: believe the old instance no longer.")
@click.option("--rekor", type=click.Choice(["1", "2"]), help="Version of log entries; default: as before.")
@options.trust_file
def rotate(keep_days: int, compromised: bool, rekor: str | None, trust_file: Path | None) -> None:
    """Replace this machine's signing instance.

    New keys, new log, new identity; the old keys are destroyed. The new one may do what the old one might. Other
    machines have to import it: what you export now is another root.
    """
    from datetime import UTC, datetime

    from theodore_plugin.signing import rotate as rotation

    rotated = rotation.rotate(
        datetime.now(UTC).date(),
        keep_days=keep_days,
        compromised=compromised,
        rekor=None if rekor is None else 2 if rekor == "2" else 1,
        trust_file=trust_file,
    )
    _show_rotated(rotated, compromised=compromised)


def _show_rotated(rotated: Rotated, *, compromised: bool) -> None:
    from theodore_plugin.signing.enrol import exported

    _show(exported(rotated.instance))
    if rotated.root is None:
        stdout.print("the old instance was not in the trust file, and the new one is not either")
        stdout.print("next: theodore-plugin trust init")
        return
    stdout.print(visible(f"root        {rotated.root}, in {rotated.trust_file}"))
    if compromised:
        stdout.print(
            visible(f"root {rotated.old_root} is gone: sign again what it had signed, and tell every machine:")
        )
        stdout.print("  theodore-plugin trust remove-root ID --with-rules")
    else:
        stdout.print(
            visible(f"root {rotated.old_root} counts until {rotated.until}; until then sign again what it signed")
        )
    stdout.print("next: theodore-plugin trust export FOLDER, for every machine that imported the old one")
