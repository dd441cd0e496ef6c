"""``theodore-plugin explain``: a rule's documentation, or the list of all rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import click

from theodore_plugin.cli import completing, options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.text import Text

TOOLS = ("bandit", "mypy", "pip-audit", "secrets")
"""Whose ids stand before a slash: ``bandit/B602``."""


@click.command()
@click.argument("rule", required=False, shell_complete=completing.rules)
@click.option("--all", "everything", is_flag=True, help="List all rules by group; the same as no RULE.")
@options.text_or_json
def command(rule: str | None, everything: bool, output_format: str) -> None:
    """Explain RULE: what it catches, why, what to do, and who may silence it."""
    if rule is not None and everything:
        raise click.UsageError("name a RULE or ask for --all, not both")
    if output_format == "json":
        _print_json(_list_values() if rule is None else _values(rule))
    else:
        _print(_listed() if rule is None else _explained(rule))


def _listed() -> Iterator[Text]:
    from theodore_plugin.report.rule_list import rule_list
    from theodore_plugin.rules.book import rule_book, rule_groups

    return rule_list(rule_book(), rule_groups(), _width())


def _list_values() -> dict[str, Any]:
    from theodore_plugin.report.rule_list import list_json
    from theodore_plugin.rules.book import rule_book, rule_groups

    return list_json(rule_book(), rule_groups())


def _explained(name: str) -> Iterator[Text]:
    from theodore_plugin.report.foreign_rules import foreign_page
    from theodore_plugin.report.rule_page import rule_page
    from theodore_plugin.report.wrap import page_wrapped
    from theodore_plugin.rules.book import rule_book

    rules = rule_book()
    if name not in rules:
        _refuse_unless_foreign(name)
    page = rule_page(rules[name]) if name in rules else foreign_page(name)
    return page_wrapped(page, _width())


def _values(name: str) -> dict[str, Any]:
    from dataclasses import asdict

    from theodore_plugin.report.foreign_rules import foreign_rule
    from theodore_plugin.report.rule_list import SCHEMA_VERSION, rule_json
    from theodore_plugin.rules.book import rule_book, rule_groups

    rules = rule_book()
    if name in rules:
        return rule_json(rules[name], rule_groups())
    _refuse_unless_foreign(name)
    known = foreign_rule(name)
    return {"schema": SCHEMA_VERSION} | (asdict(known) if known else {})


def _refuse_unless_foreign(name: str) -> None:
    """Raise for what is neither a rule of ours nor ``tool/id``, with the nearest name."""
    from difflib import get_close_matches

    from theodore_plugin.rules.book import rule_book
    from theodore_plugin.scanners.plugins import brought_by

    tool, slash, native = name.partition("/")
    if not slash:
        _refuse(name, get_close_matches(name.lower().replace("_", "-"), rule_book(), n=1))
    if not tool or not native:
        _refuse(name, ())
    close = get_close_matches(tool.lower(), TOOLS, n=1, cutoff=0.75)
    if tool not in TOOLS and close and not brought_by(tool):
        _refuse(name, [f"{close[0]}/{native}"])


def _refuse(name: str, close: Iterable[str]) -> NoReturn:
    from theodore_loader.errors import ConfigurationProblem

    hint = "".join(f"; did you mean {other!r}?" for other in close)
    raise ConfigurationProblem(
        f"there is no rule {name!r}{hint}", help="`theodore-plugin explain --all` lists all rules"
    )


def _print(lines: Iterable[Text]) -> None:
    from theodore_plugin.cli.console import stdout

    for line in lines:
        stdout.print(line)


def _print_json(values: dict[str, Any]) -> None:
    import json

    from theodore_plugin.cli.console import stdout

    stdout.out(json.dumps(values, indent=2, ensure_ascii=True), highlight=False)


def _width() -> int | None:
    from theodore_plugin.cli.console import stdout
    from theodore_plugin.cli.screen import UNBOUNDED, width_of

    width = width_of(stdout)
    return width if width < UNBOUNDED else None
