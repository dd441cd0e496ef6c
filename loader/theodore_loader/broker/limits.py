"""What an operator allows one plugin's connections, beyond what the plugin's own manifest limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class NetworkLimits:
    """Bounds for each plugin; a host gives the same to all.

    Attributes:
        connections: open at once, those of ``http.fetch`` included.
        bytes_in_per_minute: received in any minute, as the kernel counts what connections carry.
        bytes_out_per_minute: sent in any minute.
        idle_seconds: a connection that carried nothing for so long is shut down.

    """

    connections: int = 128
    bytes_in_per_minute: int = 1024 * MIB
    bytes_out_per_minute: int = 256 * MIB
    idle_seconds: float = 600.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; to forbid connections, grant no network permission")


@dataclass(frozen=True, slots=True)
class NetworkUsage:
    """What one plugin's worker has used: dials made and refused, connections open now, bytes of payload."""

    connections: int = 0
    open: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    refused: int = 0


def bounds_for(given: NetworkLimits | None, said: Mapping[str, Any]) -> NetworkLimits:
    """Return the bounds to enforce: what a host was ``given``, within what its policy ``said``, or the policy's own."""
    if given is None:
        return NetworkLimits(**said)
    return replace(given, **{name: min(getattr(given, name), most) for name, most in said.items()})


def host_share() -> int:
    """Return how many descriptors all plugins' connections together may hold: half of what this process may open."""
    import resource  # there is none on Windows, where nothing is held either

    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, soft // 2) if soft != resource.RLIM_INFINITY else 1 << 20
