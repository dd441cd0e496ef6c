"""The answer of ``theodore-plugin diff``, and how a difference is put on a screen."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.difference import Kind
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import home_dir
from theodore_loader.policy import load_policy
from theodore_loader.trust.pins import CONSENT_DIGITS, Pins
from theodore_loader.trust.trust_file import TrustFile
from theodore_plugin.cli.console import stderr, stdout
from theodore_plugin.cli.screen import UNBOUNDED, width_of
from theodore_plugin.difference.find import Where, find, of_installed
from theodore_plugin.difference.model import Difference, compare
from theodore_plugin.difference.side import Side, Source
from theodore_plugin.exit_codes import ExitCode
from theodore_plugin.report.difference_json import difference_dict
from theodore_plugin.report.difference_text import Look, difference_lines
from theodore_plugin.report.visible import visible

_HERE = (Source.INSTALLED, Source.REMEMBERED)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    targets: tuple[str, ...]
    policy: str
    trust_file: Path | None
    code: bool
    everything: bool
    json: bool


def answer(asked: Asked) -> ExitCode:
    """Compare, print, and return the exit code. Raises LoaderError for what cannot be compared."""
    where = Where(home_dir(), TrustFile.load(asked.trust_file), load_policy(asked.policy), asked.code)
    old, new = _sides(asked.targets, where)
    if old.name != new.name:
        raise ConfigurationProblem(
            f"{old} and {new} are two plugins, not two versions of one", help="compare versions of the same plugin"
        )
    found = compare(old, new, _highest(old, where.home))
    if asked.json:
        stdout.out(json.dumps(difference_dict(found), indent=2), highlight=False)
    else:
        for line in difference_lines(found, look(everything=asked.everything)):
            stdout.print(line)
        if found.increases and old.source in _HERE and new.source is Source.WHEEL:
            stdout.print(visible(f"next: theodore-plugin install {asked.targets[-1]} {flags(found)}"))
    return _code(found)


def flags(found: Difference) -> str:
    """Return the options with which ``install`` takes what NEW may do more as agreed to."""
    lower = [increase for increase in found.increases if increase.kind is Kind.VERSION]
    accept = f"--accept {found.new.terms.sha256[:CONSENT_DIGITS]}" if len(lower) < len(found.increases) else ""
    return f"{accept} {'--allow-downgrade' if lower else ''}".strip()


def look(*, everything: bool = False) -> Look:
    """Return how a difference is shown on standard output: as wide as a terminal, each line whole in a pipe."""
    width = width_of(stdout)
    arrow = "→" if stdout.encoding.startswith("utf") else "->"
    return Look(None if width == UNBOUNDED else width, everything, arrow)


def _sides(targets: tuple[str, ...], where: Where) -> tuple[Side, Side]:
    *first, last = targets
    new = _found(last, where)
    if first:
        return _found(first[0], where), new
    if new.source in _HERE:
        raise ConfigurationProblem(f"{new} is compared with nothing", help="name a wheel or a folder as NEW")
    return of_installed(new.name, where), new


def _found(target: str, where: Where) -> Side:
    waiting = stderr.status(f"reading {visible(target)}") if stderr.is_terminal else nullcontext()
    with waiting:
        return find(target, where)


def _highest(old: Side, home: Path) -> str | None:
    """Return the highest version there has been, where OLD is what this machine had."""
    if old.source not in _HERE:
        return None
    pin = Pins(home).get(old.name)
    return pin.highest if pin else None


def _code(found: Difference) -> ExitCode:
    if not found.complete:
        return ExitCode.INCOMPLETE
    return ExitCode.FINDINGS if found.increases else ExitCode.PASS
