"""Options that several commands take: one name, one meaning and one help text each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from theodore_plugin.cli import completing
from theodore_plugin.cli.forms import Form, FormAndFile

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

check_policy: Decorator = click.option(
    "--policy",
    metavar="NAME|FILE",
    shell_complete=completing.policies,
    help="Policy to check against: default, strict, development, or a policy file.",
)
"""Not given means the project's own choice."""
audience: Decorator = click.option(
    "--audience",
    type=click.Choice(["author", "ci", "registry", "host"]),
    help="For whom the policy's levels are read, where it has other ones for them.",
)
profile: Decorator = click.option(
    "--profile",
    metavar="NAME|FILE",
    help="Check on a registry's terms: its policy, versions and data; nothing else counts, and differences are said.",
)
host_policy: Decorator = click.option(
    "--policy",
    metavar="NAME|FILE",
    default="default",
    show_default=True,
    help="This host's policy: default, strict, development, or a policy file.",
)
advisories: Decorator = click.option(
    "--advisories",
    metavar="SOURCE",
    help="Where vulnerabilities are looked up: online, local (see `advisories`), off, the URL of an OSV endpoint, or a "
    "snapshot: .jsonl, .jsonl.gz or .zip.",
)
capability_map: Decorator = click.option(
    "--capability-map",
    "capability_maps",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="What libraries can do that the shipped capability map does not describe, or describes otherwise. Repeatable.",
)
scanner: Decorator = click.option(
    "--scanner",
    "scanners",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Run a scanner of your own, defined in FILE (docs/guide/scanners.md). Repeatable.",
)
environment: Decorator = click.option(
    "--environment",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the plugin's dependencies are installed: their code is followed too. A virtual environment or folder.",
)
trust_file: Decorator = click.option(
    "--trust", "trust_file", metavar="FILE", type=click.Path(path_type=Path), help="Trust file; default: this user's."
)
signed_source: Decorator = click.option(
    "--source",
    metavar="DIR|REF|DIR@REF",
    help="Build the wheel again from these sources and state that; a git ref is read as committed.",
)
minimum_tier: Decorator = click.option(
    "--minimum-tier",
    type=click.Choice(["none", "basic", "standard", "isolated"]),
    help="Weakest sandbox to accept; default: what the policy says.",
)
authorities: Decorator = click.option(
    "--authorities",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Certificates (PEM) the plugin's clients believe beside the system's.",
)
text_or_json: Decorator = click.option(
    "--output-format",
    "--format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the answer is printed on standard output.",
)


def reporting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Take how the report is shown and where else it goes: ``output_format`` and ``outputs``."""
    for option in (
        click.option(
            "--output",
            "outputs",
            metavar="FORMAT=FILE",
            multiple=True,
            type=FormAndFile(),
            help="Also write the report to FILE: sarif=out.sarif, html=report.html. Repeatable.",
        ),
        click.option(
            "--output-format",
            type=Form(),
            default="full",
            show_default=True,
            help="How the report is printed on standard output.",
        ),
    ):
        command = option(command)
    return command


def selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what is reported; what they take out is counted in the report."""
    for decorator in reversed(_SELECTING):
        command = decorator(command)
    return command


_SELECTING: tuple[Decorator, ...] = (
    click.option(
        "--select",
        metavar="NAMES",
        shell_complete=completing.rules,
        multiple=True,
        help="Report these alone: rules, groups (permissions), tools (bandit/), beginnings (unused-*). Repeatable.",
    ),
    click.option(
        "--ignore",
        metavar="NAMES",
        shell_complete=completing.rules,
        multiple=True,
        help="Report all but these. The more specific of --select and --ignore wins. Repeatable.",
    ),
    click.option(
        "--min-severity", type=click.Choice(["notice", "warning", "error"]), help="Do not report what is less severe."
    ),
    click.option(
        "--min-confidence", type=click.Choice(["low", "medium", "high"]), help="Do not report what is less certain."
    ),
)


def fixing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Take what is to be mended: ``fix``, ``unsafe_fixes`` and ``diff``."""
    for option in (
        click.option("--diff", is_flag=True, help="Show what would be fixed as a unified diff, and write nothing."),
        click.option("--unsafe-fixes", is_flag=True, help="Include fixes that change behaviour or ask for more."),
        click.option("--fix", is_flag=True, help="Fix what can be fixed without changing behaviour, then check again."),
    ):
        command = option(command)
    return command
