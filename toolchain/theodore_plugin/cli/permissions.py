"""``theodore-plugin permissions``: what a package can do, and through which calls."""

from __future__ import annotations

from pathlib import Path

import click

from theodore_plugin.cli import options
from theodore_plugin.cli.program import Session

DIFF = "diff"


@click.command(options_metavar="[OPTIONS]")
@click.argument("targets", nargs=-1, metavar="[TARGET | diff OLD NEW]")
@click.option(
    "--why", metavar="WHAT", help="Draw the call chains of a permission: network, network:api.example.org:443."
)
@options.text_or_json
@click.option(
    "--environment",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where distributions are installed: a virtual environment or an import folder; default: this one.",
)
@options.capability_map
@click.option("--download/--no-download", default=True, help="Whether a distribution that is not installed is fetched.")
@click.option("--cache/--no-cache", default=True, help="Whether an unchanged package is answered from the cache.")
@click.pass_obj
def command(
    session: Session,
    targets: tuple[str, ...],
    why: str | None,
    output_format: str,
    environment: Path | None,
    capability_maps: tuple[Path, ...],
    download: bool,
    cache: bool,
) -> int:
    """Show the permissions a Python package needs, with evidence, or what an upgrade gains and loses.

    TARGET is a project or source folder, a wheel, a source archive, or the name of a distribution, NAME or
    NAME==VERSION: what is installed, else the wheel of the package index. Nothing of it is run.

    This judges nothing: `theodore-plugin check` compares what a plugin needs with what it declares, and with the
    policy. Exit codes: 0, or of `diff` 1 if NEW can do more than OLD; 2 wrong usage; 3 no Python code; 4 a file
    could not be analysed.
    """
    import time

    from theodore_plugin.cli.permission_answer import Asked, answer
    from theodore_plugin.cli.replay import Answer, emit

    wanted = _targets(targets)
    if why is not None and len(wanted) > 1:
        raise click.UsageError("--why asks about one target; diff shows the chains of what is gained by itself")
    started = time.time_ns()
    given = answer(Asked(wanted, why, output_format == "json", environment, download, capability_maps))
    emit(given.out, given.err)
    if cache and session.asked is not None and given.inputs is not None:
        from theodore_plugin.cli.keep import keep

        keep(session.asked, started, given.inputs, Answer(given.code, given.out, given.err))
    return given.code


def _targets(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return one target, or two to compare."""
    if given[:1] == (DIFF,) and (len(given) > 1 or not Path(DIFF).exists()):
        if len(given) != 3:
            raise click.UsageError("diff compares two targets: theodore-plugin permissions diff OLD NEW")
        return given[1:]
    if len(given) > 1:
        raise click.UsageError(f"one target at a time, got {len(given)}; to compare two: permissions diff OLD NEW")
    return given or (".",)
