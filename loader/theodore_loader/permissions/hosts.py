"""Hosts: exact DNS names in lower-case A-label form (RFC 5890), ``*.parent``, ``*``, addresses and CIDR ranges.

Two sets of hosts are nested or disjoint, never half overlapping. A name says nothing about the addresses it resolves
to: the broker that dials checks those.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from theodore_loader.permissions.errors import PatternError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
MAX_HOST = 253


@dataclass(frozen=True, slots=True)
class Host:
    """A set of hosts: names (exact or ``*.parent``), a range of addresses, or with neither, any host."""

    name: str | None = None
    network: Network | None = None

    def __str__(self) -> str:
        if self.network is None:
            return self.name or "*"
        text = str(self.network.network_address if self.network.num_addresses == 1 else self.network)
        return f"[{text}]" if self.network.version == 6 else text

    def covers(self, other: Host) -> bool:
        """Tell whether every host of ``other`` is one of these."""
        if self.name is not None:
            return other.name is not None and _name_covers(self.name, other.name)
        if self.network is not None:
            return other.network is not None and _range_covers(self.network, other.network)
        return True


def canonical_host(host: str) -> Host | None:
    """Return the one host a caller asks for, or ``None`` for anything but a canonical name or address.

    ``127.1`` and ``0x7f.1`` are addresses to a resolver and names to a naive matcher: neither is accepted.
    """
    return _canonical(host) if type(host) is str and len(host) <= MAX_HOST + 2 else None


@lru_cache(maxsize=1024)
def _canonical(host: str) -> Host | None:
    """Each connection asks several times for the same host, and addresses are slow to parse."""
    if "*" in host or "/" in host:
        return None
    try:
        # brackets as in a URL hold an IPv6 address and no port
        inside, port = split_port(host) if host.startswith("[") else (host, None)
        return parse_host(host, inside) if port is None else None
    except PatternError:
        return None


def split_port(pattern: str) -> tuple[str, str | None]:
    """Split off the port. IPv6 wants brackets before a port; a bare IPv6 address has none."""
    if pattern.startswith("["):
        inside, closed, rest = pattern[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")) or ":" not in inside:
            raise PatternError(pattern, "unbalanced or misplaced brackets", "write [2001:db8::1]:443")
        return inside, rest[1:] if rest else None
    if pattern.count(":") > 1:
        return pattern, None
    host, colon, port = pattern.partition(":")
    return host, port if colon else None


def parse_host(pattern: str, host: str) -> Host:
    """Read the host of a pattern, given without port and brackets; :class:`PatternError` quotes the whole pattern."""
    if host == "*":
        return Host()
    network = _parse_range(pattern, host)
    return Host(network=network) if network is not None else Host(name=_parse_name(pattern, host))


def _parse_range(pattern: str, host: str) -> Network | None:
    try:
        network = ipaddress.ip_network(host, strict=True)
    except ValueError as error:
        if "host bits set" in str(error):
            wanted = ipaddress.ip_network(host, strict=False)
            raise PatternError(pattern, "the range has host bits set", f"write {wanted}") from None
        if ":" in host or "/" in host:
            raise PatternError(
                pattern, "not an address or range", "write 192.0.2.1, 192.0.2.0/24 or [2001:db8::1]"
            ) from None
        return None
    if not _is_plain(host):
        raise PatternError(pattern, "not a plain address", "leave out scope ids, and write ranges as 192.0.2.0/24")
    return _unmapped(network)


def _is_plain(host: str) -> bool:
    """Refuse scope ids and netmask spellings (``10.0.0.0/255.0.0.0``): one spelling for one range."""
    _address, slash, length = host.partition("/")
    return "%" not in host and (not slash or (length.isascii() and length.isdigit()))


def _unmapped(network: Network) -> Network:
    """Turn an IPv4-mapped IPv6 range into the IPv4 range the kernel will really reach (RFC 4291, 2.5.5.2)."""
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        low = int(network.network_address) & 0xFFFFFFFF
        return ipaddress.IPv4Network((low, network.prefixlen - 96))
    return network


def _parse_name(pattern: str, host: str) -> str:
    star, name = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    if "*" in name:
        raise PatternError(pattern, "a star inside a host name", "write *.example.com for every name below example.com")
    name = _ascii(pattern, name).lower().removesuffix(".")
    if not name or len(name) > MAX_HOST or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise PatternError(pattern, "not a host name", "write host or host:port, such as api.example.com:443")
    last = name.rsplit(".", 1)[-1]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        raise PatternError(pattern, "a number where a name belongs", "write addresses in full, such as 127.0.0.1")
    return star + name


def _ascii(pattern: str, name: str) -> str:
    """Return A-labels. Where IDNA 2003 and 2008 disagree (ß, final sigma, joiners) the author has to choose."""
    if name.isascii():
        return name
    remedy = "write the ASCII form (xn--...)"
    try:
        encoded = name.encode("idna").decode("ascii")
        back = encoded.encode("ascii").decode("idna")
    except UnicodeError:
        raise PatternError(pattern, "not a valid international host name", remedy) from None
    if back != unicodedata.normalize("NFC", name).lower():
        raise PatternError(pattern, "an ambiguous international host name", remedy)
    return encoded


def _name_covers(wide: str, narrow: str) -> bool:
    return wide == narrow or (wide.startswith("*.") and narrow.endswith(wide[1:]))


def _range_covers(wide: Network, narrow: Network) -> bool:
    if isinstance(wide, ipaddress.IPv4Network):
        return isinstance(narrow, ipaddress.IPv4Network) and narrow.subnet_of(wide)
    return isinstance(narrow, ipaddress.IPv6Network) and narrow.subnet_of(wide)
