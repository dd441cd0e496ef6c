"""``theodore-plugin ps``: what the running hosts of this state folder run."""

from __future__ import annotations

import click


@click.command("ps")
@click.option("--output-format", "--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(output_format: str) -> int:
    """Show the plugins of running hosts: state, process, sandbox tier, calls, what they use.

    Hosts answer for their own state folder (THEODORE_PLUGIN_HOME) and to their own user.
    Exit codes: 0 hosts run, 3 none does.
    """
    import json

    from theodore_loader.paths import home_dir
    from theodore_loader.supervise.control import hosts
    from theodore_plugin.cli.console import stdout
    from theodore_plugin.cli.running import screen
    from theodore_plugin.exit_codes import ExitCode

    found = list(hosts(home_dir()))
    if output_format == "json":
        stdout.out(json.dumps({"home": str(home_dir()), "hosts": found}, indent=2), highlight=False)
    elif found:
        stdout.print(screen(found, stdout.width), soft_wrap=False)
    else:
        stdout.print(f"no host is running with the state folder {home_dir()}")
    return 0 if found else ExitCode.NOTHING
