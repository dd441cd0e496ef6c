"""``theodore-plugin trust``: show and edit whom this machine believes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible
from theodore_plugin.cli.trust_exchange import export, import_, rotate, show_fingerprint
from theodore_plugin.cli.trust_log import log
from theodore_plugin.cli.trust_remove import (
    limit_root,
    remove_publisher,
    remove_revoker,
    remove_root,
    remove_verifier,
)

if TYPE_CHECKING:
    from theodore_loader.trust.trust_file import SignerRule
    from theodore_plugin.signing.local.documents import RekorVersion

_SIGNER = (
    click.option("--root", "root", required=True, help="Id of a root in the trust file."),
    click.option("--issuer", required=True, help="OIDC issuer, exact."),
    click.option("--identity", required=True, help="Identity, exact or a glob: * stops at /, ** does not."),
)


def _signer(command: Callable[..., Any]) -> Callable[..., Any]:
    """Take the options that describe a signer, as one argument ``signer``."""

    @wraps(command)
    def described(root: str, issuer: str, identity: str, **values: Any) -> Any:
        from theodore_loader.trust.trust_file import SignerRule

        return command(signer=SignerRule(root, issuer, identity), **values)

    decorated: Callable[..., Any] = described
    for option in reversed(_SIGNER):
        decorated = option(decorated)
    return decorated


@click.group("trust")
def command() -> None:
    """Show and edit whom this machine believes."""


for subcommand in (
    export,
    import_,
    rotate,
    log,
    limit_root,
    remove_root,
    remove_publisher,
    remove_verifier,
    remove_revoker,
):
    command.add_command(subcommand)


@command.command("init")
@click.option(
    "--policy",
    metavar="NAME|FILE",
    default="default",
    show_default=True,
    help="Policy under which this machine's verdicts count: default, strict, development, or a policy file.",
)
@click.option(
    "--rekor",
    type=click.Choice(["1", "2"]),
    help="Version of the log entries it makes from now on: 1 (default), or 2, with RFC 3161 timestamps.",
)
@options.trust_file
def init(policy: str, rekor: str | None, trust_file: Path | None) -> None:
    """Trust what this machine signs itself: any plugin, under one policy.

    Creates the local signing instance and the trust file where they are missing. Run it again with another --policy
    to accept verdicts under that one, too.
    """
    from theodore_loader.policy import load_policy
    from theodore_plugin.signing.enrol import enrol_local, exported

    version: RekorVersion | None = None if rekor is None else 2 if rekor == "2" else 1
    enrolled = enrol_local(load_policy(policy), trust_file, rekor=version)
    stdout.print(visible(f"trust file  {enrolled.trust_file}"))
    stdout.print(visible(f"instance    {enrolled.instance.folder}"))
    stdout.print(f"root        {enrolled.instance.fingerprint}")
    show_fingerprint(exported(enrolled.instance))
    stdout.print(visible(f"policy      {enrolled.policy.name} ({enrolled.policy.digest})"))
    stdout.print("next: theodore-plugin sign WHEEL")


@command.command("show")
@options.trust_file
def show(trust_file: Path | None) -> None:
    """Show the trust file's meaning: roots, publishers, verifiers, bounds."""
    from theodore_loader.errors import ConfigurationProblem
    from theodore_loader.trust.describe import describe
    from theodore_loader.trust.trust_file import INIT_COMMAND, TrustFile

    trust = TrustFile.load(trust_file)
    if not trust.found:
        raise ConfigurationProblem(f"there is no trust file at {trust.path}: nobody is believed", help=INIT_COMMAND)
    for line in describe(trust):
        stdout.print(visible(line))
    _show_own()


def _show_own() -> None:
    """Show what other machines' users compare when they import this machine's instance."""
    from theodore_plugin.signing.enrol import known_to_others
    from theodore_plugin.signing.local.instance import exists, open_or_create

    if exists():
        instance = open_or_create()
        own = known_to_others(instance)
        stdout.print(visible(f"this machine's own instance {own.identity}"))
        stdout.print(f"entries     Rekor version {instance.rekor}")
        show_fingerprint(own)


@command.command("add-root")
@click.argument("root_id", metavar="ID")
@click.argument("document", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@options.trust_file
def add_root(root_id: str, document: Path, trust_file: Path | None) -> None:
    """Add a sigstore trusted root (FILE, as `trust export` writes it) under ID. On its own it grants nothing."""
    from theodore_loader.regular_file import read_regular
    from theodore_loader.trust.edit import TrustEditor
    from theodore_loader.trust.signatures import trusted_root
    from theodore_loader.trust.trust_file import MAX_ROOT_BYTES, TrustFile

    content = read_regular(document, MAX_ROOT_BYTES)
    trusted_root(root_id, content)
    with TrustEditor(trust_file or TrustFile.default_path()) as editor:
        editor.add_root(root_id, content)
    stdout.print(visible(f"added root {root_id}"))


@command.command("add-publisher")
@click.option("--plugin", "plugins", multiple=True, required=True, help="Plugin name or glob; may be given again.")
@_signer
@options.trust_file
def add_publisher(plugins: tuple[str, ...], signer: SignerRule, trust_file: Path | None) -> None:
    """Let a signer publish the plugins named."""
    from theodore_loader.trust.edit import TrustEditor
    from theodore_loader.trust.trust_file import Publisher, TrustFile

    with TrustEditor(trust_file or TrustFile.default_path()) as editor:
        editor.add_publisher(Publisher(plugins, signer))
    stdout.print(visible(f"{signer.identity} may publish {', '.join(plugins)}"))


@command.command("add-revoker")
@click.option("--id", "revoker_id", required=True, help="The id its lists name.")
@_signer
@click.option("--max-age-days", type=click.IntRange(1), help="Refuse everything when its list is older.")
@click.option("--url", help="Where `revocations update` fetches its list.")
@options.trust_file
def add_revoker(
    revoker_id: str,
    signer: SignerRule,
    max_age_days: int | None,
    url: str | None,
    trust_file: Path | None,
) -> None:
    """Heed a signer's revocation lists. Without a current one, nothing is loaded from then on."""
    from theodore_loader.trust.edit import TrustEditor
    from theodore_loader.trust.trust_file import Revoker, TrustFile

    with TrustEditor(trust_file or TrustFile.default_path()) as editor:
        editor.add_revoker(Revoker(revoker_id, signer, max_age_days, url))
    stdout.print(visible(f"{signer.identity} may revoke as {revoker_id}"))
    stdout.print("next: theodore-plugin revocations update FILE|URL")


@command.command("add-verifier")
@click.option("--id", "verifier_id", required=True, help="The verifier.id of its verdicts.")
@_signer
@click.option(
    "--policy", "policies", metavar="NAME|FILE", multiple=True, required=True, help="A policy; may be given again."
)
@options.audience
@click.option("--max-age-days", type=click.IntRange(1), help="Refuse its verdicts when older.")
@options.trust_file
def add_verifier(
    verifier_id: str,
    signer: SignerRule,
    policies: tuple[str, ...],
    audience: str | None,
    max_age_days: int | None,
    trust_file: Path | None,
) -> None:
    """Believe a signer's verdicts, made under the policies named."""
    from theodore_loader.policy import load_policy
    from theodore_loader.trust.edit import TrustEditor
    from theodore_loader.trust.trust_file import TrustFile, Verifier

    digests = frozenset(load_policy(policy).for_audience(audience).digest for policy in policies)
    with TrustEditor(trust_file or TrustFile.default_path()) as editor:
        editor.add_verifier(Verifier(verifier_id, signer, digests, max_age_days))
    stdout.print(visible(f"{signer.identity} may verify as {verifier_id}"))
