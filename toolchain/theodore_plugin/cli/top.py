"""``theodore-plugin top``: the plugins of running hosts, again and again."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Group

SORTS = ("cpu", "memory", "calls", "name")


@click.command("top")
@click.option("--sort", type=click.Choice(SORTS), default="cpu", show_default=True, help="What comes first.")
@click.option(
    "--interval", type=click.FloatRange(min=0.2), default=1.0, show_default=True, help="Seconds between two looks."
)
def command(sort: str, interval: float) -> None:
    """Watch what the plugins of running hosts use; q or Ctrl-C ends.

    Keys: c, m, n sort by processor, memory, name.
    """
    from rich.live import Live

    from theodore_loader.errors import ConfigurationProblem
    from theodore_plugin.cli.console import stdout

    if not (stdout.is_terminal and sys.stdin.isatty()):
        raise ConfigurationProblem("top draws on a terminal, and this is none", help="use `theodore-plugin ps`")
    keys = {"c": "cpu", "m": "memory", "n": "name", "a": "calls"}
    with _key_by_key(), Live(console=stdout, screen=True, auto_refresh=False) as live:
        while True:
            live.update(_view(sort), refresh=True)
            pressed = _key(interval)
            if pressed == "q":
                return
            sort = keys.get(pressed, sort)


def _view(sort: str) -> Group:
    from rich.console import Group
    from rich.text import Text

    from theodore_loader.paths import home_dir
    from theodore_loader.supervise.control import hosts
    from theodore_plugin.cli.console import stdout
    from theodore_plugin.cli.running import screen

    found = list(hosts(home_dir()))
    head = Text(f"{time.strftime('%H:%M:%S')}  by {sort}  (q ends; c cpu, m memory, a calls, n name)", style="dim")
    return Group(head, Text(""), screen(found, stdout.width, sort) if found else Text("no host is running"))


def _key(seconds: float) -> str:
    """Return the key pressed within ``seconds``, or nothing."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return os.read(sys.stdin.fileno(), 1).decode("ascii", "replace") if ready else ""


@contextlib.contextmanager
def _key_by_key() -> Iterator[None]:
    """Have the terminal give keys as they are pressed, and restore it."""
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
