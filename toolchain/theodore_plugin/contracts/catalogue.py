"""Contract data of all known host versions, and the contracts of any one of them.

A contract file describes the newest state; its ``history`` says since when something exists, what it looked like
before, and what is gone. So one file answers for every host version, and a host's contracts are read off by
applying the history: nothing is stored twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.contracts.build import contract_tables, data_types, exceptions, lives, surfaces
from theodore_plugin.contracts.model import Contracts
from theodore_sdk.versions import VersionRange

SDK_FILE = "sdk.json"
PORTS_FILE = "theodore-v2.json"
HOSTS_FILE = "hosts.json"
SCHEMA_VERSION = 2
_HELP = "see policies/schemas/contract.schema.json and contract-hosts.schema.json"


@dataclass(frozen=True, slots=True)
class Host:
    """One known host version and the worker protocols it speaks."""

    version: str
    protocols: tuple[int, ...]


class Catalogue:
    """The contract data of one folder. Raises ConfigurationProblem for data that is not as documented."""

    def __init__(self, hosts: tuple[Host, ...], sdk: Mapping[str, Any], ports: Mapping[str, Any]) -> None:
        self.hosts = hosts
        """Oldest first, never empty."""
        self._sdk = sdk
        self._ports = ports
        self.at = lru_cache(maxsize=None)(self._at)

    @property
    def newest(self) -> Contracts:
        """The contracts of the newest known host."""
        return self.at(self.hosts[-1].version)

    def only(self, version: str) -> Catalogue:
        """Return the same data with one host."""
        return Catalogue(tuple(host for host in self.hosts if host.version == version), self._sdk, self._ports)

    def extended(self, document: Mapping[str, Any]) -> Catalogue:
        """Return the data with more hosts and more history: ``{"hosts": [...], "sdk": {...}, "ports": {...}}``.

        Hosts are as in ``hosts.json``; the other two are histories as in the contract files, and win over theirs.
        """
        hosts = {host.version: host for host in self.hosts}
        hosts |= {host.version: host for host in _hosts(Path(HOSTS_FILE), document)}
        ordered = sorted(hosts.values(), key=lambda host: Version(host.version))
        sdk, ports = (
            {**table, "history": {**table["history"], **document.get(key, {})}}
            for key, table in (("sdk", self._sdk), ("ports", self._ports))
        )
        return Catalogue(tuple(ordered), sdk, ports)

    def within(self, wanted: VersionRange) -> tuple[Contracts, ...]:
        """Return the contracts of every known host a range admits, oldest first."""
        return tuple(self.at(host.version) for host in self.hosts if wanted.matches(host.version))

    def line_admits(self, wanted: VersionRange) -> bool:
        """Whether a range admits any version, known or not, of a release line that a known host belongs to.

        A range is a set of intervals whose ends are its operands, so looking at and just behind each of them,
        and at the known versions, sees every interval.
        """
        operands = [operand.removesuffix(".*") for _, operand in wanted.requirements]
        probes = [probe for operand in operands for probe in (operand, f"{operand}.0.1")]
        lines = {Version(host.version).release[0]: Version(host.version) for host in reversed(self.hosts)}
        return any(_admits(wanted, probe, lines) for probe in (*probes, *(host.version for host in self.hosts)))

    def _at(self, version: str) -> Contracts:
        host = next(host for host in self.hosts if host.version == version)
        try:
            return Contracts(
                version=version,
                bases=contract_tables(self._sdk, version),
                ports=contract_tables(self._ports, version),
                types=data_types(self._sdk, version),
                modules=surfaces(self._sdk, version),
                lives=lives(self._sdk),
                exceptions={**exceptions(self._sdk), **exceptions(self._ports)},
                protocols=host.protocols,
            )
        except (KeyError, TypeError, AttributeError, InvalidVersion) as error:
            raise ConfigurationProblem(f"contract data for host {version}: {error!r}", help=_HELP) from error


@cache
def shipped_catalogue() -> Catalogue:
    """Load the contract data that comes with the toolchain."""
    return load_catalogue(policies_dir() / "contracts")


def shipped_contracts() -> Contracts:
    """Return the contracts of the newest known host."""
    return shipped_catalogue().newest


def load_catalogue(folder: Path) -> Catalogue:
    """Load a folder of contract data. Raises ConfigurationProblem when it is unreadable or not as documented."""
    hosts = _document(folder / HOSTS_FILE, 1)
    return Catalogue(
        _hosts(folder / HOSTS_FILE, hosts),
        _document(folder / SDK_FILE, SCHEMA_VERSION),
        _document(folder / PORTS_FILE, SCHEMA_VERSION),
    )


def _document(path: Path, schema: int) -> Mapping[str, Any]:
    try:
        document: Mapping[str, Any] = json.loads(path.read_bytes())
        found = document["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationProblem(f"contract file {path.name}: {error}", help=_HELP) from error
    if found != schema:
        raise ConfigurationProblem(f"contract file {path.name} has schema {found}, not {schema}", help=_HELP)
    return document


def _hosts(path: Path, document: Mapping[str, Any]) -> tuple[Host, ...]:
    try:
        hosts = [Host(item["version"], tuple(item["protocols"])) for item in document["hosts"]]
        hosts.sort(key=lambda host: Version(host.version))
    except (KeyError, TypeError, InvalidVersion) as error:
        raise ConfigurationProblem(f"contract file {path.name}: {error!r}", help=_HELP) from error
    if not hosts:
        raise ConfigurationProblem(f"contract file {path.name} knows no host", help=_HELP)
    return tuple(hosts)


def _admits(wanted: VersionRange, probe: str, lines: Mapping[int, Version]) -> bool:
    try:
        version = Version(probe)
        first = lines.get(version.release[0])
        return first is not None and version >= first and wanted.matches(probe)
    except (InvalidVersion, ValueError):
        return False
