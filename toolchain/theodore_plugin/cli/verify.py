"""``theodore-plugin verify``: the numbered steps a host takes, printed as it takes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible

if TYPE_CHECKING:
    from theodore_loader.trust.steps import NotVerified, VerifiedStep
    from theodore_loader.trust.verify import Verified


@click.command("verify")
@click.argument("wheel", type=click.Path(path_type=Path))
@options.host_policy
@options.trust_file
@options.text_or_json
def command(wheel: Path, policy: str, trust_file: Path | None, output_format: str) -> None:
    """Verify WHEEL and what lies beside it, as a host would before loading it. Nothing is fetched.

    Exit codes: 0 verified, 2 wrong usage or a damaged trust file, 5 refused.
    """
    from theodore_loader.policy import load_policy
    from theodore_loader.trust.files import read_signed
    from theodore_loader.trust.steps import NotVerified
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_loader.trust.verify import verify

    files = read_signed(wheel)
    trust = TrustFile.load(trust_file)
    try:
        verified = verify(
            data=files.data,
            filename=files.filename,
            bundle=files.bundle,
            attestations=files.attestations,
            trust=trust,
            policy=load_policy(policy),
        )
    except NotVerified as refusal:
        _show_refusal(refusal, output_format)
        raise
    _show(wheel, verified, output_format)


def _show(wheel: Path, verified: Verified, output_format: str) -> None:
    if output_format == "json":
        grants = [str(permission) for permission in verified.grants.permissions]
        _print_json({"verified": True, "steps": _listed(verified.steps), "grants": grants, "refusal": None})
        return
    _print_steps(verified.steps)
    info = verified.manifest.info
    stdout.print(visible(f"verified: {info.name} {info.version}"), style="bold green")
    stdout.print(visible(f"next: theodore-plugin install {wheel}"))


def _show_refusal(refusal: NotVerified, output_format: str) -> None:
    if output_format == "json":
        reason = {
            "step": refusal.number,
            "title": refusal.title,
            "rule": refusal.rule,
            "message": refusal.message,
            "help": refusal.help,
        }
        _print_json({"verified": False, "steps": _listed(refusal.steps), "grants": [], "refusal": reason})
        return
    _print_steps(refusal.steps)
    stdout.print(f"{_mark('✗', 'no')} {refusal.number} {refusal.title}", style="bold red")


def _print_steps(steps: Iterable[VerifiedStep]) -> None:
    for step in steps:
        stdout.print(visible(f"{_mark('✓', 'ok')} {step.number} {step.title:<12} {step.detail}"))


def _listed(steps: Iterable[VerifiedStep]) -> list[dict[str, Any]]:
    return [{"number": step.number, "title": step.title, "detail": step.detail} for step in steps]


def _print_json(value: dict[str, Any]) -> None:
    stdout.out(json.dumps(value, indent=2), highlight=False)


def _mark(sign: str, plain: str) -> str:
    """Return the sign, or its plain form where the terminal cannot show it."""
    return sign if stdout.encoding.startswith("utf") else plain
