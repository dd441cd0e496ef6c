"""``theodore-plugin uninstall``: forget that a plugin is installed; whom it was pinned to is not forgotten."""

from __future__ import annotations

import click


@click.command("uninstall")
@click.argument("name")
def command(name: str) -> None:
    """Take NAME out of the record of installed plugins. Hosts that run it go on until they are reloaded.

    Its pin stays: the next installation is held against what was installed before. Stored bytes and the plugin's own
    data stay where they are.

    Exit codes: 0 removed, 2 no such plugin.
    """
    from theodore_loader.installed import Installed
    from theodore_loader.paths import home_dir
    from theodore_plugin.cli.console import stdout, visible

    plugin = Installed(home_dir()).remove(name)
    stdout.print(visible(f"uninstalled {plugin.name} {plugin.version}"), style="bold green")
    stdout.print("its signer and highest version stay remembered (docs/guide/upgrade.md)")
