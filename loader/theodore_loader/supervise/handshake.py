"""The first two exchanges with a worker: it confines itself, then it loads the plugin.

Nothing it says is believed but the answer to our own nonce, from our own process, at the demanded tier.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from theodore_loader.channel import codec
from theodore_loader.channel.client import ChannelClosed, HostChannel
from theodore_loader.channel.methods import encode_value
from theodore_loader.errors import LoaderError, ProtocolViolation, RemoteError, TierUnavailable, WorkerCrashed
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.receipt import LayerReceipt, LoadReceipt
from theodore_loader.worker.setup import Setup
from theodore_sdk.plugin import PluginInterface

NONCE_BYTES = 16
READY_SECONDS = 60.0
"""How long a worker may take to confine itself, and to import its plugin: once in its life, and a busy machine is
slow at both. A call's own limit is for calls."""

_T = TypeVar("_T")


class Handshake:
    """One worker's.

    Args:
        plan: what it is to be.
        channel: leads to it.
        last_words: returns its last lines, as the end of a sentence.
        diagnosis: returns why it has ended.

    Attributes:
        was_ready: it has confined itself.

    """

    def __init__(
        self,
        plan: Plan,
        channel: HostChannel,
        last_words: Callable[[], str],
        diagnosis: Callable[[], Awaitable[LoaderError]],
    ) -> None:
        self.was_ready = False
        self._plan = plan
        self._channel = channel
        self._last_words = last_words
        self._diagnosis = diagnosis

    async def confine(self, setup: Setup, pid: int) -> codec.Ready:
        """Have process ``pid`` confine itself, before it has read a byte of the plugin.

        Raises:
            ProtocolViolation: somebody else answered.
            TierUnavailable: it could not, or reached less than the plan demands.
            LoaderError: it ended, or did not answer in time.

        """
        hello = codec.Hello(codec.PROTOCOLS, secrets.token_bytes(NONCE_BYTES), encode_value(setup))
        try:
            ready = await self._exchange(hello, codec.Ready, READY_SECONDS)
        except RemoteError as problem:
            raise _not_confined(self._plan, problem) from None
        self.was_ready = True
        _refuse_unready(self._plan, hello, ready, pid)
        return ready

    async def load(
        self, base: type[PluginInterface], services: tuple[str, ...], methods: Iterable[str]
    ) -> codec.Loaded:
        """Have it import the plugin, which must have every one of ``methods``.

        Raises:
            RemoteError, PluginPermissionError: importing it raised, or it lacks some.
            LoaderError: the worker ended, or did not answer in time.

        """
        load = codec.Load(
            self._plan.manifest.entry_point,
            f"{base.__module__}:{base.__name__}",
            encode_value(self._plan.manifest.info.configuration_schema),
            services,
        )
        longest = max(READY_SECONDS, self._plan.limits.max_execution_time_seconds)
        loaded = await self._exchange(load, codec.Loaded, longest)
        _refuse_incomplete(self._plan, methods, loaded)
        return loaded

    async def _exchange(self, message: codec.ToWorker, wanted: type[_T], seconds: float) -> _T:
        try:
            answer = await self._channel.exchange(message, seconds)
        except TimeoutError:
            raise WorkerCrashed(
                f"{self._plan.name}: no {wanted.__name__} within {seconds:g} s{self._last_words()}"
            ) from None
        except ChannelClosed:
            raise await self._diagnosis() from None
        if not isinstance(answer, wanted):
            raise ProtocolViolation(f"{type(answer).__name__} where {wanted.__name__} was due")
        return answer


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


def _refuse_unready(plan: Plan, hello: codec.Hello, ready: codec.Ready, pid: int) -> None:
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


def _not_confined(plan: Plan, problem: Exception) -> TierUnavailable:
    """Return what to raise where the worker says that it could not confine itself."""
    return TierUnavailable(
        f"{plan.name}: the worker could not confine itself: {problem}",
        help="choose a weaker tier explicitly (--minimum-tier basic), if you accept what it cannot hold",
    )


def _refuse_incomplete(plan: Plan, methods: Iterable[str], loaded: codec.Loaded) -> None:
    """Refuse a plugin that lacks an operation of its category now, not when somebody calls it.

    Raises:
        RemoteError: some are missing; every one is named.

    """
    missing = [name for name in methods if name not in loaded.operations]
    if missing:
        raise RemoteError("NotAPluginError", f"{plan.name} lacks {', '.join(missing)}")


def _receipts(layers: tuple[codec.Layer, ...]) -> tuple[LayerReceipt, ...]:
    return tuple(LayerReceipt(layer.name, layer.active, layer.detail) for layer in layers)


def _tier_name(tier: int) -> str:
    try:
        return Tier(tier).name.lower()
    except ValueError:
        return f"unknown ({tier})"
