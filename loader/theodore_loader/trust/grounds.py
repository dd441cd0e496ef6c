"""What a decision rests on besides the wheel: read once for a run over many plugins, and named by digest afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.policy import Policy
from theodore_loader.trust.pins import Pins
from theodore_loader.trust.protected import file_state
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.revocations.lookup import Revocations, Source
from theodore_loader.trust.trust_file import TrustFile


def state_of(path: Path) -> object:
    """Return what changes whenever the file is replaced or written to; ``None`` where there is none."""
    with suppress(OSError):
        return file_state(path.stat())
    return None


@dataclass(frozen=True, slots=True)
class _Lists(Revocations):
    """The lists as they were when they were first looked into; what is wrong with them then is wrong each time."""

    found: list[tuple[Source, ...]] = field(default_factory=list)

    def sources(self) -> tuple[Source, ...]:
        """Return every list there is. Raises as ``Revocations.sources``."""
        if not self.found:
            self.found.append(Revocations.sources(self))
        return self.found[0]


@dataclass(frozen=True, slots=True)
class Grounds:
    """Trust file, policy, revocation lists, pins and receipts of one state folder, as of one moment."""

    trust: TrustFile
    policy: Policy
    revocations: Revocations
    pins: Pins
    receipts: Receipts
    stamp: object = None
    """What changes when a list or the trust file on disk does, from before the first of them was read."""
    _known: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, home: Path, trust: TrustFile, policy: Policy, pins: Pins, receipts: Receipts, state: object = None
    ) -> Grounds:
        """Return what a host decides by at this moment.

        ``state`` is :func:`state_of` the trust file before it was read: one that is exchanged meanwhile has another
        state afterwards, which the next look notices.
        """
        lists = _Lists(trust, home)
        return cls(trust, policy, lists, pins, receipts, (state, lists.stamp()))

    def still_hold(self, later: Grounds) -> bool:
        """Tell whether nothing has changed up to ``later``, in what is read once for all plugins of a run."""
        return self.stamp == later.stamp and self.trust == later.trust

    def digests(self, plugin: str | None) -> dict[str, str]:
        """Return the SHA-256 of everything a decision about ``plugin`` rests on, as far as it can be read."""
        found = dict(self._common())
        with suppress(ConfigurationProblem, OSError):
            if plugin and (digest := self.pins.digest(plugin)):
                found["pin"] = digest
        return found

    def _common(self) -> Mapping[str, str]:
        """Return what is the same for all plugins of a run."""
        if not self._known:
            if self.trust.sha256:
                self._known["trust file"] = self.trust.sha256
            self._known[f"policy {self.policy.name}"] = self.policy.digest
            self._known.update({f"root {root.id}": root.sha256 for root in self.trust.roots.values()})
            with suppress(Refused, ConfigurationProblem, OSError):
                for revoker, digest in self.revocations.digests().items():
                    self._known[f"revocations of {revoker}" if revoker else "revocations"] = digest
        return self._known
