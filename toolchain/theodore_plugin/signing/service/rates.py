"""How often one identity or address may ask: token buckets in a table of bounded size."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

MAX_KEYS = 20_000


@dataclass(slots=True)
class Rate:
    """At most ``per_minute`` for one key, all of them at once if it was quiet before.

    The table forgets whoever was quiet longest, which can only be generous to them.
    """

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, key: str) -> float:
        """Take one; returns 0, or in how many seconds the next one is to be had."""
        now = self.clock()
        with self._lock:
            level, then = self._buckets.pop(key, (float(self.per_minute), now))
            level = min(float(self.per_minute), level + (now - then) * self.per_minute / 60)
            granted = level >= 1
            self._buckets[key] = (level - 1 if granted else level, now)
            while len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - level) * 60 / self.per_minute


def plain(address: str) -> IPv4Address | IPv6Address | None:
    """Return an address without zone and without IPv6 around IPv4, None for what is none."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed


def network_of(address: str) -> str:
    """Return what one client can be told by: its IPv4 address, or the /64 that one IPv6 site has."""
    parsed = plain(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return address if parsed is None else str(parsed)


def is_among(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Tell whether ``address`` belongs to one of ``networks``."""
    parsed = plain(address)
    return parsed is not None and any(parsed in network for network in networks)
