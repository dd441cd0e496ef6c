"""``theodore-plugin schema``: the JSON Schema of a file this program reads or writes."""

from __future__ import annotations

from difflib import get_close_matches

import click
from click.shell_completion import CompletionItem

SCHEMAS = {
    "policy": "what a policy file says",
    "manifest": "theodore-plugin.json inside a wheel",
    "api-usage": "api-usage.json inside a wheel",
    "report": "`check --output-format json`",
    "config": "[tool.theodore-plugin] in pyproject.toml",
    "standing-config": "the configuration of a user or an organisation",
    "permissions": "`permissions --format json`",
    "difference": "`diff --format json`",
    "baseline": "`check --write-baseline`",
    "scanner": "the definition of a scanner for `check --scanner`",
    "profile": "the terms of a registry",
    "verdict": "a signed verdict",
    "provenance": "signed provenance",
    "vulnerabilities": "a signed audit of locked dependencies",
    "sbom-reference": "a signed reference to an SBOM",
    "verification": "`verify --format json`",
    "inspection": "`inspect --format json`",
    "trust-file": "whom a host believes",
    "revocations": "what a list of revocations says",
    "decisions": "`why --format json`",
}


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=what) for name, what in SCHEMAS.items() if name.startswith(incomplete)]


@click.command()
@click.argument("name", required=False, shell_complete=_names)
def command(name: str | None) -> None:
    """Print the JSON Schema called NAME; without NAME, list them.

    An editor that reads JSON Schemas checks and completes such a file while it is written.
    """
    from theodore_loader.data import policies_dir
    from theodore_plugin.cli.console import stdout

    if name is None:
        for known, what in SCHEMAS.items():
            stdout.print(f"{known:<16} {what}")
        return
    path = policies_dir() / "schemas" / f"{_known(name)}.schema.json"
    stdout.out(path.read_text(encoding="utf-8"), end="", highlight=False)


def _known(name: str) -> str:
    from theodore_loader.errors import ConfigurationProblem

    if name in SCHEMAS:
        return name
    close = get_close_matches(name, SCHEMAS, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ConfigurationProblem(f"there is no schema {name!r}{hint}", help=f"known: {', '.join(SCHEMAS)}")
