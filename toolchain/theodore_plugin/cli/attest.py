"""``theodore-plugin attest``: another verifier checks a wheel again and puts its verdict beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.console import stdout, visible
from theodore_plugin.cli.signing_output import print_facts, print_statements, show_not_signed
from theodore_plugin.cli.signing_request import Request, signing_request

if TYPE_CHECKING:
    from theodore_plugin.signing.recheck import Attested


@click.command("attest")
@click.argument("wheel", type=click.Path(path_type=Path))
@signing_request
@options.trust_file
def command(wheel: Path, request: Request, trust_file: Path | None) -> int | None:
    """Check WHEEL again and put a verdict and an audit of your own beside it.

    The publisher's signature and everybody else's statements stay as they are. A newer verdict of the same verifier
    under the same policy replaces the older. Whoever is to believe it lists you as verifier. A wheel whose check does
    not pass gets no verdict: exit code 1 or 4, with the report.
    """
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.signing.recheck import attest
    from theodore_plugin.signing.sign import NotSigned

    trust = TrustFile.load(trust_file)
    run = request.checked(wheel)
    try:
        attested = attest(wheel, run.wheel, run.report, run.policy, run.instance, trust, run.judged)
    except NotSigned as refusal:
        return show_not_signed(refusal)
    _show(wheel, attested)
    return None


def _show(wheel: Path, attested: Attested) -> None:
    stdout.print(visible(f"attested {wheel}"), style="bold")
    print_facts(
        ("sha256", attested.sha256),
        ("identity", attested.identity),
        ("instance", attested.instance),
        ("statements", f"{attested.attestations}: {_counted(attested)}"),
    )
    print_statements(attested.statements)
    rests_on = ", ".join(attested.considered)
    print_facts(("rests on", rests_on or "nothing a publisher states: the trust file believes none who did"))
    stdout.print(visible(f"next: theodore-plugin verify {wheel}"))


def _counted(attested: Attested) -> str:
    replaced = f"{attested.replaced} of yours replaced" if attested.replaced else "nothing replaced"
    return f"{len(attested.statements)} added, {replaced}, {attested.kept} as they were"
