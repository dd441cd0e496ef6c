"""What a decision rests on besides the wheel: read once for a run over many plugins, and named by digest afterwards."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.policy import Policy
from theodore_loader.trust.pins import Pins
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.revocations.lookup import Revocations
from theodore_loader.trust.trust_file import TrustFile


@dataclass(frozen=True, slots=True)
class Grounds:
    """Trust file, policy, revocation lists, pins and receipts of one state folder, as of one moment."""

    trust: TrustFile
    policy: Policy
    revocations: Revocations
    pins: Pins
    receipts: Receipts

    @classmethod
    def of(cls, home: Path, trust: TrustFile | None, policy: Policy) -> Grounds:
        """Read what a host decides by; raises ConfigurationProblem if its trust file is not acceptable."""
        trust = trust or TrustFile.of_home(home)
        return cls(trust, policy, Revocations(trust, home), Pins(home), Receipts(home))

    def digests(self, plugin: str | None) -> dict[str, str]:
        """Return the SHA-256 of everything a decision about ``plugin`` rests on, as far as it can be read."""
        found = {f"trust file {self.trust.path}": self.trust.sha256 or ""}
        found |= {f"root {root.id}": root.sha256 for root in self.trust.roots.values()}
        found |= {f"policy {self.policy.name}": self.policy.digest}
        with suppress(Refused, ConfigurationProblem, OSError):
            for revoker, digest in self.revocations.digests().items():
                found[f"revocations of {revoker}" if revoker else "revocations"] = digest
        with suppress(ConfigurationProblem, OSError):
            found["pin"] = self.pins.digest(plugin) or "" if plugin else ""
        return {label: digest for label, digest in found.items() if digest}
