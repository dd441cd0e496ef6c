"""What the shell is offered for words that only this program knows (click's completion protocol)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click


def rules(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the rules that begin like this, each with what it catches."""
    from theodore_plugin.rules.book import rule_book

    return [
        CompletionItem(name, help=rule.summary) for name, rule in rule_book().items() if name.startswith(incomplete)
    ]


def policies(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the built-in policies that begin like this; a policy file is left to the shell where none does."""
    from theodore_loader.data import policies_dir

    names = [path.stem for path in sorted(policies_dir().glob("*.yaml")) if path.stem.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]
