"""``theodore-plugin new``: start a plugin project."""

from __future__ import annotations

import shlex
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from theodore_plugin.cli.console import stdout
from theodore_sdk import PluginCategory


class _Category(click.Choice[str]):
    """The ten category values; ``ai-provider`` is understood as ``ai_provider``."""

    def __init__(self) -> None:
        super().__init__([category.value for category in PluginCategory])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        asked = str(value).replace("-", "_")
        close = [] if asked in self.choices else get_close_matches(asked, self.choices, n=1)
        if close:
            others = ", ".join(self.choices)
            self.fail(f"no category is called {value!r}; did you mean {close[0]!r}? (one of {others})", param, ctx)
        return super().convert(asked, param, ctx)


@click.command()
@click.argument("name")
@click.option("-c", "--category", type=_Category(), required=True, help="What the plugin extends.")
@click.option("--output-dir", type=click.Path(path_type=Path), default=Path(), help="Folder to create it in.")
@click.option("--author", help="Author's name, for the metadata and the licence.")
@click.option("--email", help="Author's address.")
@click.option("--homepage", help="Project page (https).")
@click.option("--description", help="One sentence on what the plugin does.")
@click.option("--interface", help="Base class to implement; each category has exactly one.")
@click.option("--host", help="Host the plugin may talk to (scraper, webhook); localhost if not given.")
def command(name: str, category: str, **answers: Any) -> None:
    """Start a plugin project called NAME: working code, tests, metadata and a licence."""
    from theodore_plugin.scaffold import NewProject, create_project

    path = create_project(NewProject(name=name, category=PluginCategory(category), **answers))
    stdout.print(f"Created {path} (category {category}); it works as it is. Next:")
    for step in (f"cd {shlex.quote(str(path))}", "theodore-plugin check", "theodore-plugin package"):
        stdout.print(f"  {step}")
