"""``theodore-plugin trust log``: whether this machine's transparency log still holds."""

from __future__ import annotations

from pathlib import Path

import click

from theodore_plugin.cli.console import stdout


@click.command("log")
@click.argument(
    "bundles", metavar="[BUNDLE]...", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
def log(bundles: tuple[Path, ...]) -> None:
    """Check that this machine's logs still hold.

    Every entry, and every checkpoint they ever issued. BUNDLE is a .sigstore.json that this machine signed and
    somebody kept, as a witness. A log that was cut, rewritten
    or put back from an older copy ends with exit code 1.
    """
    from theodore_loader.errors import ConfigurationProblem
    from theodore_loader.regular_file import read_regular
    from theodore_loader.trust.files import MAX_BUNDLE
    from theodore_loader.trust.trust_file import INIT_COMMAND
    from theodore_plugin.signing.local.audit import audit
    from theodore_plugin.signing.local.instance import exists, open_or_create

    if not exists():
        raise ConfigurationProblem("this machine has no signing instance yet", help=INIT_COMMAND)
    instance = open_or_create()
    witnesses = []
    for path in bundles:
        witnesses.append(read_regular(path, MAX_BUNDLE))
    for tree in audit(instance, witnesses):
        torn = f", {tree.torn} torn by a power cut" if tree.torn else ""
        stdout.print(f"{tree.name:<7} {tree.head.size:>7,} entries, {tree.checkpoints:,} checkpoints{torn}")
        if tree.head.size:
            stdout.print(f"        head {tree.head.root.hex()}")
    kept = f", as {len(witnesses)} of its bundles bear witness" if witnesses else ""
    stdout.print(f"everything holds{kept}")
