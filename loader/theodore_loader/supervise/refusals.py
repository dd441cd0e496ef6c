"""Why a call is not even tried, in words: no worker runs, and none will in time. Nothing was sent in any of these."""

from __future__ import annotations

from theodore_loader.errors import PluginUnavailable, Quarantined
from theodore_loader.supervise.status import State

_NOTHING_SENT = "nothing was sent, so the call can be repeated"


def quarantined(name: str, because: str) -> Quarantined:
    """Return the error of a plugin that only its operator can release."""
    return Quarantined(
        f"{name} is quarantined{because}",
        help="look into its access log and its output, then release it: host.release(name)",
    )


def revoked(name: str, because: str) -> Quarantined:
    """Return the error of a plugin that a list of revocations stopped."""
    return Quarantined(
        f"{name} is stopped{because}",
        help="reload it with another version; if the revocation is withdrawn, release it: host.release(name)",
    )


def over(name: str, state: State) -> PluginUnavailable:
    """Return the error of a plugin that is being unloaded, or was."""
    return PluginUnavailable(f"{name} is {state.value}", help="load it again")


def resting(name: str, seconds: float, because: str) -> PluginUnavailable:
    """Return the error of a plugin that is tried again only in ``seconds``."""
    return PluginUnavailable(
        f"{name} has crashed too often; it is tried again in {seconds:.1f} s{because}",
        retry_after=seconds,
        help=f"{_NOTHING_SENT}; find out why it crashes",
    )


def too_late(name: str, seconds: float, state: State, because: str) -> PluginUnavailable:
    """Return the error of a call whose deadline passed while it waited for a worker."""
    return PluginUnavailable(
        f"{name} has no worker, and none came within {seconds:g} s: it is {state.value}{because}", help=_NOTHING_SENT
    )
