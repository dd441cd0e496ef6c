"""Network patterns: ``host[:port]`` to connect to, ``listen:port`` to listen on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from theodore_loader.permissions.errors import PatternError
from theodore_loader.permissions.hosts import Host, canonical_host, parse_host, split_port

__all__ = ["Connect", "Host", "Listen", "NetworkPattern", "canonical_host", "overbroad_network", "parse_network"]

_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Connect:
    """Outbound connections to ``host`` on ``port`` (``None``: any)."""

    host: Host
    port: int | None

    def __str__(self) -> str:
        if self.port is None:
            # "*" alone is the whole type, listening included
            return "*:*" if self.host == Host() else str(self.host)
        return f"{self.host}:{self.port}"

    def covers(self, other: NetworkPattern) -> bool:
        """Tell whether every connection of ``other`` is one of these."""
        return isinstance(other, Connect) and self.port in (None, other.port) and self.host.covers(other.host)

    def intersection(self, other: NetworkPattern) -> tuple[NetworkPattern, ...]:
        """Return the common connections, one pattern or none."""
        if not isinstance(other, Connect) or (None not in (self.port, other.port) and self.port != other.port):
            return ()
        port = other.port if self.port is None else self.port
        if self.host.covers(other.host):
            return (Connect(other.host, port),)
        return (Connect(self.host, port),) if other.host.covers(self.host) else ()


@dataclass(frozen=True, slots=True)
class Listen:
    """Listening on ``port`` (``None``: any)."""

    port: int | None

    def __str__(self) -> str:
        return f"listen:{'*' if self.port is None else self.port}"

    def covers(self, other: NetworkPattern) -> bool:
        """Tell whether ``other`` listens on nothing else."""
        return isinstance(other, Listen) and self.port in (None, other.port)

    def intersection(self, other: NetworkPattern) -> tuple[NetworkPattern, ...]:
        """Return the lesser of two comparable patterns."""
        if self.covers(other):
            return (other,)
        return (self,) if other.covers(self) else ()


NetworkPattern = Connect | Listen


def parse_network(pattern: str) -> NetworkPattern:
    """Read a network pattern; :class:`PatternError` names defect and remedy."""
    if "://" in pattern or pattern.startswith("//"):
        raise PatternError(pattern, "a URL, not a host", "write host or host:port, such as api.example.com:443")
    if pattern.startswith("listen:"):
        return Listen(_parse_port(pattern, pattern.removeprefix("listen:")))
    host, port = split_port(pattern)
    return Connect(parse_host(pattern, host), None if port is None else _parse_port(pattern, port))


def _parse_port(pattern: str, text: str) -> int | None:
    if text == "*":
        return None
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise PatternError(pattern, f"{text!r} is no port", "write one number from 1 to 65535, or * for any port")
    return int(text)


def overbroad_network(pattern: NetworkPattern) -> str | None:
    """Say why a network pattern reaches further than a reviewer can judge, or ``None``."""
    if isinstance(pattern, Listen):
        return "listens on any port" if pattern.port is None else None
    host = pattern.host
    if host == Host():
        return "reaches any host"
    if host.name is not None:
        return (
            f"{host} reaches every name of a top-level domain"
            if host.name.count(".") == 1 and "*" in host.name
            else None
        )
    network = host.network
    if network is not None and network.prefixlen < (24 if network.version == 4 else 64):
        return f"{host} is a range of {network.num_addresses} addresses"
    return None
