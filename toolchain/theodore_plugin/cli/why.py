"""``theodore-plugin why``: the recorded decisions about a plugin, and whether the record is whole."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theodore_plugin.cli import options

if TYPE_CHECKING:
    from rich.text import Text

    from theodore_loader.trust.decisions.decision import Entry
    from theodore_plugin.report.why_text import Look


@click.command("why")
@click.argument("name", required=False)
@click.option("--version", metavar="V", help="About this version alone.")
@click.option("--digest", metavar="D", help="About the wheel with this SHA-256 alone; its beginning is enough.")
@click.option("--all", "everything", is_flag=True, help="Show the older decisions too.")
@click.option("--refused", is_flag=True, help="Show refusals alone; without NAME, every plugin that stands refused.")
@click.option("--verify-chain", is_flag=True, help="See whether the record is whole: nothing cut, changed or added.")
@click.option("--head", is_flag=True, help="Print number and digest of the newest entry, to be kept elsewhere.")
@click.option("--anchor", metavar="N:DIGEST", help="With --verify-chain: demand the entry that --head printed once.")
@options.text_or_json
def command(
    name: str | None,
    version: str | None,
    digest: str | None,
    everything: bool,
    refused: bool,
    verify_chain: bool,
    head: bool,
    anchor: str | None,
    output_format: str,
) -> None:
    """Say why the plugin NAME was accepted or refused: the newest decision, its steps, and what it rested on.

    Exit codes: 0 answered, 2 wrong usage, 3 nothing is recorded, 5 the record was cut or changed.
    """
    from theodore_loader.paths import home_dir
    from theodore_plugin.cli import why_asked

    if anchor and not verify_chain:
        raise click.UsageError("--anchor goes with --verify-chain")
    if verify_chain or head:
        if name or version or digest or refused or everything:
            raise click.UsageError("--verify-chain and --head are about the whole record, and take no NAME")
        chain = why_asked.chain(home_dir(), anchor)
        _show_chain(chain, home_dir(), output_format, head_only=head and not verify_chain)
        return
    if name is None and not refused:
        raise click.UsageError("name a plugin, or ask for --refused, --verify-chain or --head")
    found = why_asked.decisions(
        home_dir(), why_asked.Asked(name, version, digest, refused=refused, everything=everything)
    )
    _show(found, name, output_format, everything=everything)


def _show(found: list[Entry], name: str | None, output_format: str, *, everything: bool) -> None:
    from theodore_loader.paths import home_dir
    from theodore_plugin.report import why_json, why_text

    if output_format == "json":
        shown = found if everything or name is None else found[:1]
        _print_json(why_json.decisions_json(shown, str(home_dir())))
        return
    look = _look()
    if name is None:
        _print(why_text.summary(found, look, named=True))
        _print([why_text.ask_for_one(found[0])])
        return
    newest, *older = found
    _print(why_text.answer(newest, look))
    if older:
        _print(why_text.older(older, look) if everything else [why_text.more(older, name)])


def _show_chain(chain: Any, home: Path, output_format: str, *, head_only: bool) -> None:
    from theodore_plugin.cli import why_asked
    from theodore_plugin.cli.console import stdout
    from theodore_plugin.report import why_json, why_text

    if output_format == "json":
        _print_json(why_json.chain_json(chain, str(home)))
    why_asked.refuse_broken(chain, home)
    if output_format == "text" and head_only:
        stdout.out(f"{chain.head.seq}:{chain.head.digest}", highlight=False)
    elif output_format == "text":
        _print(why_text.chain_lines(chain, str(home / "decisions")))


def _look() -> Look:
    from theodore_plugin.cli.console import stdout
    from theodore_plugin.cli.screen import UNBOUNDED, width_of
    from theodore_plugin.report.why_text import Look

    width = width_of(stdout)
    return Look(width if width < UNBOUNDED else None, stdout.encoding.startswith("utf"))


def _print(lines: Iterable[Text]) -> None:
    from theodore_plugin.cli.console import stdout

    for line in lines:
        stdout.print(line)


def _print_json(values: dict[str, Any]) -> None:
    from theodore_plugin.cli.console import stdout

    stdout.out(json.dumps(values, indent=2, ensure_ascii=True), highlight=False)
