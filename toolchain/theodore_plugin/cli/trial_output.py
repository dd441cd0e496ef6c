"""How ``theodore-plugin run`` shows a trial: the result on stdout, everything about it on stderr."""

from __future__ import annotations

import msgspec

from theodore_loader.errors import LoaderError, RemoteError
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise.receipt import LoadReceipt
from theodore_plugin.cli.console import stderr, stdout, visible
from theodore_plugin.trial import Outcome
from theodore_sdk.errors import PluginPermissionError

_SHOWN_ACCESSES = 30


class CallFailedError(LoaderError):
    """The call did not return; everything about it has been shown."""


def show(outcome: Outcome, *, quiet: bool) -> None:
    """Print a trial.

    Raises:
        CallFailedError: the call did not return a result.

    """
    if not quiet:
        _show_logs(outcome)
        _show_accesses(outcome)
        _show_receipt(outcome)
    if outcome.problem is not None:
        _show_traceback(outcome.problem)
        raise _failure(outcome.problem)
    text = msgspec.json.format(msgspec.json.encode(outcome.result), indent=2).decode()
    stdout.out(text, highlight=False)


def _failure(problem: Exception) -> CallFailedError:
    if isinstance(problem, PluginPermissionError):
        return CallFailedError(
            str(problem),
            help=f"declare the permission ({problem.permission}) in the plugin, or allow it in the host's policy",
        )
    return CallFailedError(str(problem), help=getattr(problem, "help", None))


def _show_traceback(problem: Exception) -> None:
    if isinstance(problem, RemoteError) and problem.traceback:
        stderr.print(visible(problem.traceback.rstrip(), keep_newlines=True), style="dim")


def _show_logs(outcome: Outcome) -> None:
    for record in outcome.logs:
        stderr.print(visible(f"{record.source}: {record.text}"), style="dim")


def _show_accesses(outcome: Outcome) -> None:
    for access in outcome.accesses[:_SHOWN_ACCESSES]:
        denied = access["decision"] == "deny"
        where = f" at {access['location']}" if "location" in access else ""
        times = f" x{access['n']}" if "n" in access else ""
        line = f"{'denied ' if denied else 'allowed'} {access['permission']} {access['resource']}{where}{times}"
        stderr.print(visible(f"{line} ({access['source']})"), style="red" if denied else "")
    more = len(outcome.accesses) - _SHOWN_ACCESSES
    if more > 0:
        stderr.print(f"… and {more} more in the access log")


def _show_receipt(outcome: Outcome) -> None:
    receipt = outcome.receipt
    layers = ", ".join(layer.name for layer in receipt.layers if layer.active) or "none"
    stderr.print(visible(f"sandbox: tier {receipt.tier.name.lower()} ({layers}; {len(receipt.canaries)} canaries)"))
    if receipt.tier < Tier.STANDARD:
        _show_weakness(receipt)
    stderr.print(
        f"timing: load {outcome.load_seconds * 1000:.0f} ms (worker {receipt.milliseconds['total']:.0f} ms),"
        f" call {outcome.call_seconds * 1000:.1f} ms"
    )


def _show_weakness(receipt: LoadReceipt) -> None:
    stderr.print("this tier cannot hold a hostile plugin; what it does not promise:", style="bold yellow")
    for line in receipt.not_enforced:
        stderr.print(visible(f"  {line}"), style="yellow")
