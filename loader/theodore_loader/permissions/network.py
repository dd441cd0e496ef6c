"""Network patterns: ``host[:port]`` to connect to, ``listen:port`` to listen on.

Hosts are exact DNS names in lower-case A-label form (RFC 5890), ``*.parent`` for every name below a parent,
``*`` for any host, and addresses or CIDR ranges. Two hosts are therefore nested or disjoint, never half overlapping.
Name patterns say nothing about the addresses they resolve to: the broker that dials checks those.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

from theodore_loader.permissions.errors import PatternError

type_network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
MAX_HOST = 253


@dataclass(frozen=True, slots=True)
class Host:
    """A set of hosts: names (exact or ``*.parent``), a range of addresses, or with neither, any host."""

    name: str | None = None
    network: type_network | None = None

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
    host, port = _split(pattern)
    return Connect(_parse_host(pattern, host), None if port is None else _parse_port(pattern, port))


def canonical_host(host: str) -> Host | None:
    """Return the one host a caller asks for, or ``None`` for anything but a canonical name or address.

    ``127.1`` and ``0x7f.1`` are addresses to a resolver and names to a naive matcher: neither is accepted.
    """
    if type(host) is not str or "*" in host or "/" in host:
        return None
    try:
        # brackets as in a URL hold an IPv6 address and no port
        inside, port = _split(host) if host.startswith("[") else (host, None)
        return _parse_host(host, inside) if port is None else None
    except PatternError:
        return None


def _split(pattern: str) -> tuple[str, str | None]:
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


def _parse_port(pattern: str, text: str) -> int | None:
    if text == "*":
        return None
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise PatternError(pattern, f"{text!r} is no port", "write one number from 1 to 65535, or * for any port")
    return int(text)


def _parse_host(pattern: str, host: str) -> Host:
    if host == "*":
        return Host()
    network = _parse_range(pattern, host)
    return Host(network=network) if network is not None else Host(name=_parse_name(pattern, host))


def _parse_range(pattern: str, host: str) -> type_network | None:
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


def _unmapped(network: type_network) -> type_network:
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


def _range_covers(wide: type_network, narrow: type_network) -> bool:
    if isinstance(wide, ipaddress.IPv4Network):
        return isinstance(narrow, ipaddress.IPv4Network) and narrow.subnet_of(wide)
    return isinstance(narrow, ipaddress.IPv6Network) and narrow.subnet_of(wide)


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
