"""``theodore-plugin dev``: what a plugin's author needs while writing it."""

from __future__ import annotations

from pathlib import Path

import click

from theodore_plugin.cli import options


@click.group("dev")
def command() -> None:
    """Work on a plugin: run it from its source tree, confined as in a host."""


@command.command("run")
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("method", required=False)
@click.option("--json", "arguments", metavar="JSON", default="{}", help="Arguments of METHOD by name.")
@click.option("--config", metavar="JSON|FILE", default="{}", help="The plugin's configuration.")
@click.option("--watch", "watching", is_flag=True, help="Go on, and exchange the plugin when the tree changes.")
@click.option(
    "--policy",
    metavar="NAME|FILE",
    default="development",
    show_default=True,
    help="What is granted of what the plugin declares: default, strict, development, or a policy file.",
)
@options.environment
@options.minimum_tier
@options.authorities
def run(
    path: Path,
    method: str | None,
    arguments: str,
    config: str,
    watching: bool,
    policy: str,
    environment: Path | None,
    minimum_tier: str | None,
    authorities: Path | None,
) -> None:
    """Run the source tree at PATH in a worker, and call METHOD in it.

    Nothing is signed and nothing is checked, so no host would load it: this is the only way to run a source tree, and
    every line says so. It is confined as in a host; its state lies apart from that of real hosts. With --watch the
    tree is started anew beside the running one when it changes, and takes over once it is healthy; what does not
    start leaves the running one in place. Exit codes: 0, 1 it failed, 2 wrong usage.
    """
    from theodore_loader.paths import home_dir
    from theodore_loader.policy import load_policy
    from theodore_loader.sandbox.tier import Tier
    from theodore_plugin import trial
    from theodore_plugin.cli.dev_output import run_and_show
    from theodore_plugin.dev.session import Wanted
    from theodore_plugin.dev.tree import Tree

    tree = Tree(
        path=path,
        config=trial.json_object(trial.text_or_file(config), "--config"),
        policy=load_policy(policy),
        minimum_tier=None if minimum_tier is None else Tier[minimum_tier.upper()],
        environment=environment,
        home=home_dir() / "dev",
        authorities=authorities,
    )
    wanted = Wanted(tree, method, trial.json_object(arguments, "--json"))
    run_and_show(wanted, watching=watching)
