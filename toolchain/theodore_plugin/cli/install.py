"""``theodore-plugin install``: verify a wheel, show what it may do, store it, and make its dependencies ready."""

from __future__ import annotations

from pathlib import Path

import click

from theodore_plugin.cli import options


@click.command("install")
@click.argument("target", metavar="NAME|WHEEL")
@options.host_policy
@options.trust_file
@click.option(
    "--find-links",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    multiple=True,
    help="Folder of wheels to take locked dependencies, and NAME, from; may be repeated.",
)
@click.option(
    "--accept",
    metavar="DIGEST",
    help="Agree to what exactly this wheel may do more than the version before: its SHA-256, 16 digits at least.",
)
@click.option("--allow-downgrade", is_flag=True, help="Agree to a lower version than there has been.")
@click.option(
    "--allow-yanked", "yanked", is_flag=True, help="Agree to a version that its registry does not offer any more."
)
@click.option("--all", "everything", is_flag=True, help="Show the whole difference, however many screens it takes.")
def command(
    target: str,
    policy: str,
    trust_file: Path | None,
    find_links: tuple[Path, ...],
    accept: str | None,
    allow_downgrade: bool,
    yanked: bool,
    everything: bool,
) -> None:
    """Verify WHEEL as a host does, store exactly the verified bytes, install its locked dependencies.

    NAME, or NAME==VERSION, is the newest wheel of that name in the folders of --find-links. Over another version it
    goes by itself only if it may do no more and the same signer answers for it; else the difference is shown, and
    somebody has to agree: at a terminal to the question, elsewhere with --accept.

    Exit codes: 0 installed, 2 wrong usage or a dependency that cannot be fetched, 5 refused or not agreed to.
    """
    from theodore_loader.host import PluginHost
    from theodore_loader.paths import home_dir
    from theodore_loader.policy import load_policy
    from theodore_loader.trust.pins import Consent
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.cli.candidates import candidates
    from theodore_plugin.cli.installing import Installation

    consent = Consent(accept, downgrade=allow_downgrade, yanked=yanked)
    rules = load_policy(policy)
    wheels = candidates(target, find_links)
    host = PluginHost(trust=TrustFile.load(trust_file), policy=rules, find_links=find_links)
    first_needs_consent = rules.first_installation == "consent"
    Installation(host, home_dir(), wheels, consent, first_needs_consent, everything).run()
