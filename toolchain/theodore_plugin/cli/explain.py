"""``theodore-plugin explain``: a rule's documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theodore_plugin.finding import Rule


@click.command()
@click.argument("rule", required=False)
def command(rule: str | None) -> None:
    """Explain RULE; without RULE, list all rules."""
    from theodore_plugin.cli.console import stdout
    from theodore_plugin.report.rule_page import rule_page
    from theodore_plugin.rules.book import rule_book

    if rule is None:
        for name, known in rule_book().items():
            stdout.print(f"{known.severity.value:<10} {name:<32} {known.summary}")
        return
    stdout.print(rule_page(_find(rule)), end="")


def _find(name: str) -> Rule:
    from difflib import get_close_matches

    from theodore_loader.errors import ConfigurationProblem
    from theodore_plugin.rules.book import rule_book

    rules = rule_book()
    if name in rules:
        return rules[name]
    if "/" in name:
        tool, _, native = name.partition("/")
        raise ConfigurationProblem(
            f"{name} is a rule of {tool}", help=f"look for {native} in the documentation of {tool}"
        )
    close = get_close_matches(name, rules, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ConfigurationProblem(f"there is no rule {name!r}{hint}", help="`theodore-plugin explain` lists all rules")
