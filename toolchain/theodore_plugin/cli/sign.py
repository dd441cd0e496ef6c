"""``theodore-plugin sign``: check a wheel's own bytes, then sign them and the statements about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli.console import stdout, visible
from theodore_plugin.cli.signing_output import print_facts, print_statements, show_not_signed
from theodore_plugin.cli.signing_request import Request, signing_request

if TYPE_CHECKING:
    from theodore_plugin.signing.evidence import Background
    from theodore_plugin.signing.sign import Signed


@click.command("sign")
@click.argument("wheel", type=click.Path(path_type=Path))
@signing_request
def command(wheel: Path, request: Request) -> int | None:
    """Check WHEEL, then sign it and what is known about it: provenance, verdict, vulnerabilities, SBOM.

    What others state about the same bytes stays; of your own, the newer replaces the older of its kind.
    Writes WHEEL.sigstore.json, WHEEL.attestations.jsonl and the SBOM beside the wheel. Provenance is stated of what
    `package` built here, or of what --source rebuilds. A wheel whose check does not pass is not signed: exit code 1
    or 4, with the report.
    """
    from theodore_plugin.signing.sign import NotSigned, sign

    run = request.checked(wheel)
    try:
        signed = sign(wheel, run.wheel, run.report, run.policy, run.instance, run.background)
    except NotSigned as refusal:
        return show_not_signed(refusal)
    _show(wheel, signed, run.background)
    return None


def _show(wheel: Path, signed: Signed, background: Background) -> None:
    stdout.print(visible(f"signed {wheel}"), style="bold")
    print_facts(
        ("sha256", signed.sha256),
        ("identity", signed.identity),
        ("instance", signed.instance),
        ("bundle", f"{signed.bundle}, log entry {signed.log_index}"),
        ("statements", f"{signed.attestations}{_besides(signed)}"),
    )
    print_statements(signed.statements)
    if signed.sbom is not None:
        print_facts(("SBOM", str(signed.sbom)))
    if background.build is None:
        print_facts(("not stated", f"provenance: {background.lack}; or let `sign --source` rebuild the wheel"))
    stdout.print(visible(f"next: theodore-plugin verify {wheel}"))


def _besides(signed: Signed) -> str:
    """Say what became of the lines that were there before."""
    kept = f", {signed.kept} of before as they were" if signed.kept else ""
    return kept + (f", {signed.left_out} left out that no host could use" if signed.left_out else "")
