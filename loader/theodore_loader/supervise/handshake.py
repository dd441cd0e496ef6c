"""The first two exchanges with a worker: it confines itself, then it loads the plugin.

Nothing it says is believed but the answer to our own nonce, from our own process, at the demanded tier.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

from theodore_loader.channel import codec
from theodore_loader.channel.methods import encode_value
from theodore_loader.errors import ProtocolViolation, RemoteError, TierUnavailable
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.receipt import LayerReceipt, LoadReceipt
from theodore_loader.worker.setup import Setup
from theodore_sdk.plugin import PluginInterface

NONCE_BYTES = 16


def hello_frame(setup: Setup) -> codec.Hello:
    """Return the first frame, with a nonce of its own."""
    return codec.Hello(codec.PROTOCOLS, secrets.token_bytes(NONCE_BYTES), encode_value(setup))


def refuse_unready(plan: Plan, hello: codec.Hello, ready: codec.Ready, pid: int | None) -> None:
    """Accept only the answer to ``hello`` from process ``pid`` at the tier the plan demands.

    Raises:
        ProtocolViolation: somebody else's answer.
        TierUnavailable: the worker reached less.

    """
    if not secrets.compare_digest(ready.nonce, hello.nonce) or ready.pid != pid:
        raise ProtocolViolation("the worker answered for somebody else")
    if ready.tier < plan.minimum_tier:
        raise TierUnavailable(
            f"{plan.name}: reached tier {_tier_name(ready.tier)}, {_tier_name(plan.minimum_tier)} is demanded",
            help="choose a weaker tier explicitly (minimum_tier), and read what it does not hold in the receipt",
        )


def not_confined(plan: Plan, problem: Exception) -> TierUnavailable:
    """Return what to raise where the worker says that it could not confine itself."""
    return TierUnavailable(
        f"{plan.name}: the worker could not confine itself: {problem}",
        help="choose a weaker tier explicitly (--minimum-tier basic), if you accept what it cannot hold",
    )


def load_frame(plan: Plan, base: type[PluginInterface], services: tuple[str, ...]) -> codec.Load:
    """Return what the worker is to import, once it is confined."""
    return codec.Load(
        plan.manifest.entry_point,
        f"{base.__module__}:{base.__name__}",
        encode_value(plan.manifest.info.configuration_schema),
        services,
    )


def refuse_incomplete(plan: Plan, methods: Iterable[str], loaded: codec.Loaded) -> None:
    """Refuse a plugin that lacks an operation of its category now, not when somebody calls it.

    Raises:
        RemoteError: some are missing; every one is named.

    """
    missing = [name for name in methods if name not in loaded.operations]
    if missing:
        raise RemoteError("NotAPluginError", f"{plan.name} lacks {', '.join(missing)}")


def receipt_of(
    plan: Plan, ready: codec.Ready, unenforced: tuple[str, ...], milliseconds: Mapping[str, float]
) -> LoadReceipt:
    """Return how the worker runs; a layer that is not active counts among what is not enforced."""
    missing = tuple(f"{layer.name}: {layer.detail}" for layer in ready.layers if not layer.active)
    return LoadReceipt(
        plugin=plan.name,
        version=plan.manifest.info.version,
        tier=Tier(min(max(ready.tier, Tier.NONE), max(Tier))),
        layers=_receipts(ready.layers),
        canaries=_receipts(ready.canaries),
        grants=tuple(str(grant) for grant in plan.worker_grants()),
        not_enforced=(*missing, *unenforced),
        python=ready.python,
        pid=ready.pid,
        milliseconds=milliseconds,
    )


def _receipts(layers: tuple[codec.Layer, ...]) -> tuple[LayerReceipt, ...]:
    return tuple(LayerReceipt(layer.name, layer.active, layer.detail) for layer in layers)


def _tier_name(tier: int) -> str:
    try:
        return Tier(tier).name.lower()
    except ValueError:
        return f"unknown ({tier})"
