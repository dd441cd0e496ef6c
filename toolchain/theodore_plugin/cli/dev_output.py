"""How ``dev run`` shows a session: results on stdout, everything about the plugin on stderr."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from rich.text import Text

from theodore_loader.supervise.receipt import LoadReceipt
from theodore_loader.supervise.status import Event, EventKind
from theodore_loader.supervise.surroundings import LogRecord
from theodore_plugin.cli.console import stderr, visible
from theodore_plugin.cli.failure import explain_failure
from theodore_plugin.cli.trial_output import CallFailedError, show
from theodore_plugin.cli.watch import Watched, changes
from theodore_plugin.dev import session
from theodore_plugin.dev.session import Told, Wanted
from theodore_plugin.trial import Outcome

_WORTH_A_LINE = {
    EventKind.CRASHED: "red",
    EventKind.BACKOFF: "yellow",
    EventKind.QUARANTINED: "bold red",
    EventKind.REVOKED: "bold red",
}
_SHOWN = 3


def run_and_show(wanted: Wanted, *, watching: bool) -> None:
    """Run a session and print what happens; with ``watching`` until Ctrl-C.

    Raises:
        CallFailedError: the call did not return, and nothing is watched.
        LoaderError, PluginError: the plugin could not be started, and nothing is watched.

    """
    watched = Watched.of([wanted.tree.path])
    screen = _Screen(watched, watching=watching)
    told = Told(**{name: getattr(screen, name) for name in Told.__slots__})
    asyncio.run(session.run(wanted, told, changes(watched) if watching else None))


class _Screen:
    def __init__(self, watched: Watched, *, watching: bool) -> None:
        self._watched, self._watching = watched, watching

    def ready(self, receipt: LoadReceipt, seconds: float) -> None:
        name = visible(f"{receipt.plugin} {receipt.version}")
        how = f" from its source tree, tier {receipt.tier.name.lower()}, process {receipt.pid}, {seconds * 1000:.0f} ms"
        stderr.print(Text.assemble(("UNSIGNED ", "bold yellow"), (name, "bold"), how))

    def changed(self, paths: frozenset[Path]) -> None:
        names = [self._watched.named(path) for path in sorted(paths)]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        line = f"--- {time.strftime('%H:%M:%S')} changed: {', '.join(names[:_SHOWN])}{more}"
        stderr.print(visible(line), style="bold")

    def kept(self, problem: BaseException) -> None:
        explain_failure(problem)
        stderr.print("not started; whatever ran before runs on", style="yellow")

    def answered(self, outcome: Outcome) -> None:
        try:
            show(outcome, quiet=False)
        except CallFailedError as failed:
            if not self._watching:
                raise
            explain_failure(failed)

    def log(self, record: LogRecord) -> None:
        stderr.print(visible(f"{record.source}: {record.text}"), style="dim")

    def event(self, event: Event) -> None:
        style = _WORTH_A_LINE.get(event.kind)
        if style is not None:
            stderr.print(visible(f"{event.kind.value}: {event.detail}"), style=style)

    def waiting(self) -> None:
        stderr.print("watching for changes; Ctrl-C ends", style="dim")
