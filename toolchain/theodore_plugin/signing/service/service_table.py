"""The tables ``[service]`` and ``[limits]``: where the service answers, and how much it lets through."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from theodore_plugin.signing.fetch import is_loopback, is_secure
from theodore_plugin.signing.local.instance import DEFAULT_NAME
from theodore_plugin.signing.service.tables import Table

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_DEFAULT_LISTEN = "127.0.0.1:8443"


@dataclass(frozen=True, slots=True)
class Place:
    """Which instance is served, under which URL, on which address, and how the way to it is protected."""

    instance: str
    url: str
    host: str
    port: int
    tls: tuple[Path, Path] | None
    hosts: frozenset[str]
    trusted_proxies: tuple[Network, ...]
    threads: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything; rates are per minute."""

    connections: int = 512
    connections_per_address: int = 128
    request_seconds: int = 10
    body_bytes: int = 1 << 20
    requests_per_minute: int = 600
    certificates_per_minute: int = 60
    entries_per_minute: int = 600


def read_place(table: Table, folder: Path) -> Place:
    """Read ``[service]``."""
    url = _url(table)
    host, port = _listen(table)
    tls = _tls(table, folder)
    if tls is None and not table.flag("behind_proxy") and host and not is_loopback(host):
        table.problem(
            "listen",
            f"tokens would cross the network to {host} in the clear: give tls_certificate and tls_key, or say "
            "behind_proxy = true where a proxy ends TLS",
        )
    table.has("behind_proxy")
    # clients leave out a port that is the scheme's own
    hosts = {urlsplit(url).netloc, urlsplit(url).netloc.removesuffix(":443"), authority(host, port)}
    hosts.update(table.texts("hosts"))
    place = Place(
        instance=_instance(table),
        url=url,
        host=host,
        port=port,
        tls=tls,
        hosts=frozenset(name.lower() for name in hosts if name),
        trusted_proxies=_networks(table),
        threads=table.number("threads", 8, 1, 64),
    )
    table.finish()
    return place


def read_limits(table: Table) -> Limits:
    """Read ``[limits]``."""
    standard = Limits()
    limits = Limits(
        connections=table.number("connections", standard.connections, 1, 10_000),
        connections_per_address=table.number("connections_per_address", standard.connections_per_address, 1, 10_000),
        request_seconds=table.number("request_seconds", standard.request_seconds, 1, 120),
        body_bytes=table.number("body_bytes", standard.body_bytes, 1 << 14, 16 << 20),
        requests_per_minute=table.number("requests_per_minute", standard.requests_per_minute, 1, 1_000_000),
        certificates_per_minute=table.number("certificates_per_minute", standard.certificates_per_minute, 1, 1_000_000),
        entries_per_minute=table.number("entries_per_minute", standard.entries_per_minute, 1, 1_000_000),
    )
    table.finish()
    return limits


def _instance(table: Table) -> str:
    name = table.text("instance", "team")
    if name and not _NAME.fullmatch(name):
        table.problem("instance", f"{name!r} is no instance name: lower-case letters, digits and hyphens, 64 at most")
    if name == DEFAULT_NAME:
        table.problem("instance", f"{name!r} is what this machine signs with as itself; give the team another one")
    return name


def _url(table: Table) -> str:
    url = table.text("url")
    if url and not _is_origin(url):
        table.problem(
            "url",
            f"{url!r} is not https://HOST[:PORT] in lower case, with nothing after it (http for this machine only)",
        )
        return ""
    return url


def _is_origin(url: str) -> bool:
    if not url.isascii() or url != url.lower() or not is_secure(url):
        return False
    parts = urlsplit(url)
    return not (parts.path or parts.query or parts.fragment)


def _listen(table: Table) -> tuple[str, int]:
    listen = table.text("listen", _DEFAULT_LISTEN)
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        if host != "localhost":
            ipaddress.ip_address(host)
    except ValueError:
        host = ""
    if not host or not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        table.problem("listen", f"{listen!r} is not ADDRESS:PORT; an IPv6 address stands in brackets")
        return "", 0
    return host, int(port)


def _tls(table: Table, folder: Path) -> tuple[Path, Path] | None:
    given = [key for key in ("tls_certificate", "tls_key") if table.has(key)]
    if not given:
        return None
    if len(given) == 1:
        table.problem(given[0], "tls_certificate and tls_key belong together; one is missing")
        return None
    certificate, key = (folder / table.text(name) for name in given)
    for name, path in zip(given, (certificate, key), strict=True):
        if not path.is_file():
            table.problem(name, f"{path}: no such file")
    if key.is_file() and key.stat().st_mode & 0o007:
        table.problem("tls_key", f"{key} can be used by everybody on this machine: chmod 600 {key}")
    return certificate, key


def _networks(table: Table) -> tuple[Network, ...]:
    networks: list[Network] = []
    for text in table.texts("trusted_proxies"):
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            table.problem("trusted_proxies", str(error))
    return tuple(networks)


def authority(host: str, port: int) -> str:
    """Return what clients put into ``Host`` for this address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
