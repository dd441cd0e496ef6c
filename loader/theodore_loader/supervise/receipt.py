"""The load receipt: what was really reached when a plugin was loaded, for operators and for the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from theodore_loader.sandbox.tier import Tier


@dataclass(frozen=True, slots=True)
class LayerReceipt:
    """One layer or canary and what it said."""

    name: str
    active: bool
    detail: str


@dataclass(frozen=True, slots=True)
class LoadReceipt:
    """How a worker runs.

    Attributes:
        tier: what the worker says it reached; the canaries are its proof, and it had read nothing of the plugin yet.
        not_enforced: what the manifest asks for and this machine, or this tier, does not hold.
        milliseconds: by phase, ``total`` included.
        verification: titles of the trust steps passed; empty for a plugin that was not verified.
        enforced: a line for each resource limit that holds, with the mechanism that holds it.
        started_by: ``zygote``, or ``spawn`` and why there is no zygote.

    """

    plugin: str
    version: str
    tier: Tier
    layers: tuple[LayerReceipt, ...]
    canaries: tuple[LayerReceipt, ...]
    grants: tuple[str, ...]
    not_enforced: tuple[str, ...]
    python: str
    pid: int
    milliseconds: Mapping[str, float]
    verification: tuple[str, ...] = field(default=())
    enforced: tuple[str, ...] = field(default=())
    started_by: str = ""
