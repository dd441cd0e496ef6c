"""Which addresses a granted name may stand for: public ones, and those the grants hold themselves."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest

from theodore_loader.permissions import Permission

Address = tuple[int, tuple[object, ...]]
"""An address family, and what ``connect`` takes in it."""

MAX_ADDRESSES = 8
"""Tried for one connection; a name server can answer with any number."""

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        ("::/96", "64:ff9b:1::/48", "fec0::/10", "::ffff:0:0:0/96", "192.0.0.0/24", "168.63.129.16/32"),
    )
)
"""Private or translated locally, and called global by ``ipaddress`` of some versions (RFC 4291, 8215, 3879, 2765,
6890); and the one service for virtual machines that a cloud (Azure) keeps at a public address."""


def of_literal(ip: IP, port: int) -> Address:
    """Return what ``connect`` takes for an address given as such."""
    if ip.version == 6:
        return socket.AF_INET6, (str(ip), port, 0, 0)
    return socket.AF_INET, (str(ip), port)


def is_of_this_machine(address: Address) -> bool:
    """Tell whether an address is a loopback address."""
    return ipaddress.ip_address(str(address[1][0])).is_loopback


def may_be_reached(host: str, port: int, address: str, grants: Iterable[Permission]) -> bool:
    """Tell whether ``address`` may be connected to for the granted ``host``, given in canonical form.

    A name says nothing about the private address it may be pointed at: that must be granted itself, by address or
    range and not by ``*``. ``localhost`` may be a loopback address.
    """
    ip = _unmapped(ipaddress.ip_address(address.partition("%")[0]))
    if is_public(ip) or (host == "localhost" and ip.is_loopback):
        return True
    return any(not grant.pattern.startswith("*") and grant.allows_host(str(ip), port) for grant in grants)


def is_public(ip: IP) -> bool:
    """Tell whether an address is one of the internet's, also where a gateway or a tunnel unwraps it."""
    if not ip.is_global or ip.is_multicast or any(ip in network for network in _NOT_PUBLIC):
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return True
    # RFC 6052, 3056: the address inside is the one that is reached
    inside = ip.sixtofour or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
    return inside is None or is_public(inside)


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses in the order to try them (RFC 8305): families alternate, the resolver's choice leads."""
    if not addresses:
        return []
    first = addresses[0][0]
    ours = [address for address in addresses if address[0] == first]
    others = [address for address in addresses if address[0] != first]
    mixed = chain.from_iterable(zip_longest(ours, others))
    return [address for address in mixed if address is not None][:MAX_ADDRESSES]


def _unmapped(ip: IP) -> IP:
    return getattr(ip, "ipv4_mapped", None) or ip
