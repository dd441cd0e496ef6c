"""The service's configuration: where it answers, how much it lets through, and whose tokens it believes.

::

    schema = 1

    [service]
    instance = "team"                       # a folder under <home>/instances, never this machine's own
    url = "https://sign.acme.example"       # as clients know it; the Host header has to agree
    listen = "0.0.0.0:8443"
    tls_certificate = "fullchain.pem"       # relative to this file; both or neither
    tls_key = "key.pem"
    behind_proxy = false                    # plain HTTP on other addresses than loopback: a proxy ends TLS
    trusted_proxies = ["10.0.0.1"]          # whose X-Forwarded-For counts
    hosts = ["sign.internal:8443"]          # further names in Host headers
    threads = 8

    [limits]                                # all optional
    connections = 512
    connections_per_address = 128                # a team behind one router, two connections a signer
    request_seconds = 10                    # for a whole request, the TLS handshake before it, the answer after it
    body_bytes = 1048576
    requests_per_minute = 600               # from one address
    certificates_per_minute = 60            # for one identity
    entries_per_minute = 600                # by one identity

    [[issuer]]
    issuer = "https://login.acme.example"   # exact
    audience = "sigstore"                   # exact, and the only one a token may have
    algorithms = ["RS256", "ES256"]
    jwks = "discovery"                      # or a URL, or a file relative to this one
    identity_email = "email"                # the claim that is the identity; or a URI made of claims:
    identity_uri = "https://login.acme.example/users/{sub}"
    identities = ["*@acme.example"]         # anchored globs; what the identity has to be
    require = { department = "release" }    # claims a token has to have, exact
    statements = { source_repository_uri = "https://git.acme.example/{project}" }
    profile = "github-actions"              # or "gitlab": identity and statements as Fulcio has them
    single_use = true                       # a token buys one certificate
    max_lifetime_seconds = 3600             # longest a token may have from iat to exp
    clock_skew_seconds = 30
    interactive = false                     # clients use this issuer for their browser sign-in

Reading is strict and reports every problem at once, with its line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.trust.toml_lines import Lines
from theodore_plugin.signing.service.issuer_table import IssuerRule, read_issuers
from theodore_plugin.signing.service.service_table import Limits, Place, read_limits, read_place
from theodore_plugin.signing.service.tables import Problems, Table, nearest

SCHEMA = 1
MAX_BYTES = 1 << 20
_SECTIONS = ("service", "limits", "issuer")


class ConfigProblems(ConfigurationProblem):
    """The configuration is not acceptable; ``problems`` are (line, message) pairs, every one of them."""

    def __init__(self, path: Path, problems: list[tuple[int, str]]) -> None:
        self.problems = tuple(sorted(problems))
        listed = "\n".join(f"  {path}:{line}: {message}" for line, message in self.problems)
        super().__init__(
            f"the service's configuration is not acceptable:\n{listed}",
            help="docs/guide/team-instance.md describes every key; `theodore-plugin instance serve --check` reads it",
        )


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """A configuration as read from ``path``."""

    path: Path
    place: Place
    limits: Limits
    issuers: Mapping[str, IssuerRule] = field(default_factory=dict)

    @property
    def interactive(self) -> IssuerRule | None:
        """The issuer that clients sign in at with a browser, if there is one."""
        return next((rule for rule in self.issuers.values() if rule.interactive), None)

    @classmethod
    def load(cls, path: Path) -> ServiceConfig:
        """Read ``path``; raises :class:`ConfigProblems`, or ConfigurationProblem for a file that cannot be read."""
        from theodore_loader.trust.protected import read_protected

        try:
            data = read_protected(path, MAX_BYTES)
        except OSError as error:
            raise ConfigurationProblem(
                f"{path}: {error.strerror or error}", help="name the service's configuration: --config FILE"
            ) from error
        return parse(data, path)


def parse(data: bytes, path: Path) -> ServiceConfig:
    """Read a configuration's content; files it names are relative to ``path``."""
    text, document = _toml(data, path)
    problems = Problems(Lines(text))
    if document.get("schema") != SCHEMA:
        problems.add(1, f"schema = {SCHEMA} is missing, or another one is given")
    for key in document.keys() - {"schema", *_SECTIONS}:
        problems.add(problems.lines.section(key), f"unknown section or key {key!r}{nearest(key, _SECTIONS)}")
    place = read_place(_table(document, "service", problems), path.parent)
    limits = read_limits(_table(document, "limits", problems))
    issuers = read_issuers(_tables(document, "issuer", problems), path.parent)
    if problems.found:
        raise ConfigProblems(path, problems.found)
    return ServiceConfig(path, place, limits, issuers)


def _toml(data: bytes, path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = data.decode("utf-8")
        return text, tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigProblems(path, [(data[: error.start].count(b"\n") + 1, "not UTF-8")]) from None
    except (ValueError, RecursionError) as error:
        raise ConfigProblems(path, [(_line_of(str(error), text), f"not TOML: {error}")]) from None


def _line_of(message: str, text: str) -> int:
    """Return the line a TOML error names, 1 where it names none."""
    if "at end of document" in message:
        return max(1, len(text.splitlines()))
    _, _, place = message.partition("(at line ")
    number = place.partition(",")[0]
    return int(number) if number.isdigit() else 1


def _table(document: Mapping[str, Any], section: str, problems: Problems) -> Table:
    value = document.get(section, {})
    if not isinstance(value, dict):
        problems.add(problems.lines.section(section), f"{section} is one table: write [{section}]")
        value = {}
    return Table(problems, section, 0, value)


def _tables(document: Mapping[str, Any], section: str, problems: Problems) -> list[Table]:
    value = document.get(section, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        problems.add(problems.lines.section(section), f"{section} is a list of tables: write [[{section}]]")
        return []
    if not value:
        problems.add(1, "there is no [[issuer]]: nobody could have a certificate")
    return [Table(problems, section, index, entry) for index, entry in enumerate(value)]
