"""``theodore-plugin verify``: the numbered steps a host takes, printed as it takes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible

_OFFLINE = "nothing was fetched; this machine's trust file, policy and revocations decided"
_BUT_REBUILT = ", but for what the wheel was built with again"

if TYPE_CHECKING:
    from theodore_loader.policy import Policy
    from theodore_loader.trust.files import SignedFiles
    from theodore_loader.trust.steps import NotVerified, VerifiedStep
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_loader.trust.verify import Verified


@click.command("verify")
@click.argument("wheel", type=click.Path(path_type=Path))
@options.host_policy
@options.trust_file
@click.option(
    "--source",
    metavar="DIR|REF|DIR@REF",
    help="Also build the wheel again from these sources and compare; fetches build requirements from your index.",
)
@click.option("--record", is_flag=True, help="Record the decision, as a host does: `theodore-plugin why`.")
@click.option("--offline", is_flag=True, help="Fetch nothing. Always so, except for what --source builds with.")
@click.option(
    "--output-format",
    "--format",
    type=click.Choice(["text", "json", "full"]),
    default="text",
    show_default=True,
    help="How the answer is printed; full adds every certificate, log entry and statement.",
)
def command(
    wheel: Path,
    policy: str,
    trust_file: Path | None,
    source: str | None,
    record: bool,
    offline: bool,
    output_format: str,
) -> None:
    """Verify WHEEL and what lies beside it, as a host would before loading it. Nothing is fetched.

    Exit codes: 0 verified, 2 wrong usage or a damaged trust file, 5 refused.
    """
    from theodore_loader.policy import load_policy
    from theodore_loader.trust.files import read_signed
    from theodore_loader.trust.steps import NotVerified
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.cli.recording import recording

    _refuse_contradiction(source, offline=offline)
    files = read_signed(wheel)
    trust, rules = TrustFile.load(trust_file), load_policy(policy)
    try:
        with recording(files, trust, rules) if record else nullcontext() as accept:
            verified, steps = _verified(files, trust, rules, source)
            if accept is not None:
                accept(verified)
    except NotVerified as refusal:
        _show_refusal(files, refusal, output_format)
        raise
    _show(wheel, files, verified, steps, output_format)


def _refuse_contradiction(source: str | None, *, offline: bool) -> None:
    from theodore_loader.errors import ConfigurationProblem
    from theodore_plugin.cli.program import require_toolchain

    if source is not None and offline:
        raise ConfigurationProblem(
            "--offline and --source contradict each other", help="building again needs the build requirements"
        )
    if source is not None:
        require_toolchain("verify --source")


def _verified(
    files: SignedFiles, trust: TrustFile, policy: Policy, source: str | None
) -> tuple[Verified, Sequence[VerifiedStep]]:
    from theodore_loader.paths import home_dir
    from theodore_loader.trust.pins import Pins
    from theodore_loader.trust.verify import verify

    verified = verify(
        files,
        trust=trust,
        policy=policy,
        pins=Pins(home_dir()),
    )
    if source is None:
        return verified, verified.steps
    from theodore_plugin.signing.source_check import check_source

    return verified, (*verified.steps, check_source(verified, source))


def _show(
    wheel: Path, files: SignedFiles, verified: Verified, steps: Sequence[VerifiedStep], output_format: str
) -> None:
    if output_format == "json":
        from theodore_plugin.inspection.answer import accepted

        _print_json(accepted(files, verified, steps))
        return
    _print_steps(steps)
    if output_format == "full":
        _print_bundles(files)
    info = verified.manifest.info
    for warning in verified.warnings:
        stdout.print(visible(f"warning: {warning}"), style="yellow")
    stdout.print(visible(f"verified: {info.name} {info.version}"), style="bold green")
    stdout.print(f"offline: {_OFFLINE}{_BUT_REBUILT if len(steps) > len(verified.steps) else ''}")
    stdout.print(visible(f"next: theodore-plugin install {wheel}"))


def _show_refusal(files: SignedFiles, refusal: NotVerified, output_format: str) -> None:
    if output_format == "json":
        from theodore_plugin.inspection.answer import refused

        _print_json(refused(files, refusal))
        return
    _print_steps(refusal.steps)
    stdout.print(f"{_mark('✗', 'no')} {refusal.number} {refusal.title}", style="bold red")


def _print_steps(steps: Iterable[VerifiedStep]) -> None:
    for step in steps:
        stdout.print(visible(f"{_mark('✓', 'ok')} {step.number} {step.title:<12} {step.detail}"))


def _print_bundles(files: SignedFiles) -> None:
    """Print every field of what was verified, statements of strangers included."""
    from theodore_plugin.inspection.text import lines_of

    for data in (files.bundle, *(files.attestations or b"").split(b"\n")):
        if data and data.strip():
            stdout.print()
            for line in lines_of(data):
                stdout.print(visible(line))
    stdout.print()


def _print_json(value: dict[str, Any]) -> None:
    stdout.out(json.dumps(value, indent=2), highlight=False)


def _mark(sign: str, plain: str) -> str:
    """Return the sign, or its plain form where the terminal cannot show it."""
    return sign if stdout.encoding.startswith("utf") else plain
