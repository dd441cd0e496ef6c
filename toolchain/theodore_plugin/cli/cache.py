"""``theodore-plugin cache``: what is kept between runs, and getting rid of it."""

from __future__ import annotations

import click


@click.group("cache")
def command() -> None:
    """Show or remove what is kept between runs; all of it is made again when it is needed."""


@command.command()
@click.option("--output-format", "--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def status(output_format: str) -> int:
    """Show what is kept, how much room it takes, and how much it may take."""
    import json
    from dataclasses import asdict

    from theodore_loader.paths import cache_dir
    from theodore_plugin.cli.console import stdout, visible
    from theodore_plugin.store.usage import usage

    found = usage()
    if output_format == "json":
        text = json.dumps({"folder": str(cache_dir()), "caches": [asdict(row) for row in found]}, indent=2)
        stdout.out(text, highlight=False)
        return 0
    stdout.print(visible(str(cache_dir())))
    for row in found:
        room = f" of {_size(row.bound)}" if row.bound else ""
        stdout.print(f"  {row.name:<10} {_size(row.bytes) + room:>24} {row.entries:>7} entries  {row.holds}")
    return 0


@command.command()
def clean() -> int:
    """Remove everything that is kept."""
    from theodore_plugin.cli.console import stdout
    from theodore_plugin.store.usage import clean as remove

    stdout.print(f"removed {_size(remove())}")
    return 0


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"
