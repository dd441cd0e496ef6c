"""From a configuration to a running service, and what of it can be checked without running."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import home_dir
from theodore_plugin.signing.local.instance import LocalInstance, open_or_create
from theodore_plugin.signing.service.config import ServiceConfig
from theodore_plugin.signing.service.desk import Desk, mark_of
from theodore_plugin.signing.service.endpoints import Endpoints, pretty
from theodore_plugin.signing.service.identity_tokens import Tokens
from theodore_plugin.signing.service.journal import Journal
from theodore_plugin.signing.service.keys import KeysError
from theodore_plugin.signing.service.rates import Rate
from theodore_plugin.signing.service.replays import Replays
from theodore_plugin.signing.service.server import Server, bind
from theodore_plugin.signing.service.service_table import authority

REPLAYS_NAME = "used-tokens.sqlite3"


@dataclass(frozen=True, slots=True)
class Checked:
    """One line of what ``--check`` found: an issuer and its keys, or why they could not be had."""

    issuer: str
    keys: int
    problem: str = ""


def check(config: ServiceConfig) -> tuple[Checked, ...]:
    """Try what a start would need: the TLS files, and every issuer's keys. Creates nothing."""
    tls_context(config)
    return _fetch_keys(Tokens.of(config.issuers))


def serve(config: ServiceConfig, ready: Callable[[LocalInstance, str], None] = lambda *_: None) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is told the instance and the address once connections are accepted.

    Raises ConfigurationProblem where the service cannot start.
    """
    tls_context(config)  # before anything is created
    instance = open_or_create(config.place.instance, home_dir())
    journal = Journal(sys.stdout)
    tokens = Tokens.of(config.issuers)
    try:
        listener = bind(config.place.host, config.place.port)
    except OSError as error:
        raise ConfigurationProblem(
            f"{config.place.host}:{config.place.port}: {error.strerror}", help="choose another address: listen = …"
        ) from error
    with listener:
        host, port = listener.getsockname()[:2]
        endpoints = endpoints_of(config, instance, tokens, journal, port)
        server = server_of(config, listener, endpoints)
        for found in _fetch_keys(tokens):
            # an issuer that is down must not keep the others' people from signing
            journal.write("issuer", issuer=found.issuer, keys=found.keys, problem=found.problem)
        journal.write("started", instance=instance.fingerprint, url=config.place.url, address=f"{host}:{port}")
        asyncio.run(server.run(lambda: ready(instance, f"{host}:{port}")))
        journal.write("stopped")


def server_of(config: ServiceConfig, listener: socket.socket, endpoints: Endpoints) -> Server:
    """Put a server in front of ``endpoints``."""
    place = config.place
    return Server(
        listener,
        endpoints.handle,
        config.limits,
        endpoints.desk.journal,
        place.threads,
        tls_context(config),
        place.trusted_proxies,
    )


def endpoints_of(
    config: ServiceConfig, instance: LocalInstance, tokens: Tokens, journal: Journal, port: int
) -> Endpoints:
    """Put an instance behind the rules of ``config``; ``port`` is the one that is really listened on."""
    limits = config.limits
    desk = Desk(
        instance=instance,
        service=instance.service(),
        tokens=tokens,
        replays=Replays(instance.folder / REPLAYS_NAME),
        certificates=Rate(limits.certificates_per_minute),
        entries=Rate(limits.entries_per_minute),
        journal=journal,
        mark=mark_of(instance.folder),
    )
    own = {authority(name, port) for name in (config.place.host, "localhost")}
    return Endpoints(
        desk=desk,
        hosts=config.place.hosts | own,
        proxies=config.place.trusted_proxies,
        addresses=Rate(limits.requests_per_minute),
        documents={
            "/trusted-root.json": pretty(instance.trusted_root()),
            "/trust-config.json": pretty(client_config(config, instance)),
            "/api/v2/trustBundle": pretty(trust_bundle(instance)),
        },
    )


def client_config(config: ServiceConfig, instance: LocalInstance) -> dict[str, Any]:
    """Return the ClientTrustConfig that clients fetch; it names the issuer to sign in at, if there is one."""
    document = instance.trust_config(config.place.url)
    issuer = config.interactive
    if issuer is not None:
        signing = document["signingConfig"]
        signing["oidcUrls"] = [{**signing["caUrls"][0], "url": issuer.issuer}]
    return document


def trust_bundle(instance: LocalInstance) -> dict[str, Any]:
    """Return Fulcio's answer about its chain."""
    chain = (instance.authority.intermediate, instance.authority.root)
    return {"chains": [{"certificates": [one.public_bytes(Encoding.PEM).decode() for one in chain]}]}


def tls_context(config: ServiceConfig) -> ssl.SSLContext | None:
    """Load the certificate files; raises ConfigurationProblem where they are none."""
    if config.place.tls is None:
        return None
    certificate, key = config.place.tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # a key with a passphrase would ask for it on the terminal, and wait
        context.load_cert_chain(certificate, key, password=_no_passphrase(key))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationProblem(
            f"{certificate} and {key} are no certificate and its key: {error}",
            help="both are PEM files; the certificate's file holds the whole chain, the server's own first",
        ) from error
    return context


def _no_passphrase(key: Path) -> Callable[[], str]:
    def refuse() -> str:
        raise ConfigurationProblem(f"{key} asks for a passphrase", help="give the service a key without one, mode 0600")

    return refuse


def _fetch_keys(tokens: Tokens) -> tuple[Checked, ...]:
    found = []
    for issuer, keys in tokens.keys.items():
        try:
            found.append(Checked(issuer, keys.fetch()))
        except KeysError as error:
            found.append(Checked(issuer, 0, str(error)))
    return tuple(found)
