"""What a host starts workers with: a launcher, what it lends them, and their folders. Makes supervisors."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theodore_loader.broker.limits import NetworkLimits
from theodore_loader.editions import edition_of
from theodore_loader.errors import ConfigurationProblem, TierUnavailable
from theodore_loader.policy import Policy
from theodore_loader.preparation import Preparation, Prepared
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.supervise.edition import Edition
from theodore_loader.supervise.launch import Launcher
from theodore_loader.supervise.life import OnEvent
from theodore_loader.supervise.meter.usage import DiskLimit
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.settings import Supervision
from theodore_loader.supervise.supervisor import Supervisor
from theodore_loader.supervise.surroundings import OnLog, Surroundings
from theodore_loader.supervise.temporary import TemporaryFolders
from theodore_loader.supervise.zygote import launcher_for


@dataclass(frozen=True, slots=True)
class Terms:
    """What a host demands of its workers and lends to them; see ``PluginHost`` for each."""

    home: Path
    policy: Policy
    minimum_tier: Tier
    services: Mapping[str, object]
    network: NetworkLimits
    authorities: Path | None
    disk: DiskLimit
    supervision: Supervision
    on_log: OnLog
    on_event: OnEvent


class Workshop:
    """One host's. :meth:`ready` comes before the first :meth:`supervisor`, :meth:`close` after the last has ended."""

    def __init__(self, terms: Terms, preparation: Preparation) -> None:
        self._terms = terms
        self._preparation = preparation
        self._temporary = TemporaryFolders(terms.home)
        self._launcher: Launcher | None = None
        self._closed = False

    def refuse_weak_machine(self) -> None:
        """Raise TierUnavailable if this machine reaches less than the demanded tier."""
        wanted = self._terms.minimum_tier
        offer = available(wanted)
        if offer.tier < wanted:
            raise TierUnavailable(
                f"this machine reaches sandbox tier {offer.tier.name.lower()},"
                f" {wanted.name.lower()} is demanded: {'; '.join(offer.reasons)}",
                help="run on a kernel that offers it, or choose a weaker tier explicitly (minimum_tier)",
            )

    async def ready(self) -> None:
        """See whether this machine is strong enough, and get a launcher ready, while plugins are being verified.

        Raises:
            TierUnavailable: it reaches less than the demanded tier.
            ConfigurationProblem: the host is closed, or its state could be changed by others.

        """
        await asyncio.to_thread(self.refuse_weak_machine)
        runtime = await asyncio.to_thread(runtime_folder, self._terms.home)
        if self._closed:
            raise ConfigurationProblem("this host is closed", help="make a new PluginHost")
        if self._launcher is None:
            self._launcher = launcher_for(runtime, self._terms.minimum_tier)
        self._launcher.prepare()

    def supervisor(self, prepared: Prepared, config: Mapping[str, Any]) -> Supervisor:
        """Return what will supervise a plugin, not started yet. Raises as :meth:`edition`."""
        return Supervisor(
            self.edition(prepared, config),
            self._surroundings(),
            temporary=self._temporary,
            settings=self._terms.supervision,
            on_event=self._terms.on_event,
        )

    def edition(self, prepared: Prepared, config: Mapping[str, Any], at_least: Tier = Tier.NONE) -> Edition:
        """Return what to start of a prepared plugin, ``at_least`` as confined as the host demands of all.

        Raises:
            ConfigurationProblem: ``config`` does not fit the plugin's schema.

        """
        return edition_of(
            prepared,
            config,
            home=self._terms.home,
            policy=self._terms.policy,
            minimum_tier=max(self._terms.minimum_tier, at_least),
            disk=self._terms.disk,
            preparation=self._preparation,
        )

    async def close(self) -> None:
        """End the launcher with every worker that is left, and remove the workers' folders."""
        self._closed = True
        try:
            if self._launcher is not None:
                await self._launcher.close()
        finally:
            await asyncio.to_thread(self._temporary.close)

    def _surroundings(self) -> Surroundings:
        assert self._launcher is not None  # noqa: S101 - ready() was awaited
        return Surroundings(
            self._terms.home / "logs",
            self._launcher.runtime,
            self._terms.services,
            os.environ,
            self._terms.on_log,
            self._launcher,
            network=self._terms.network,
            authorities=self._terms.authorities,
        )
