"""Port contracts: what a base class or a port of Theodore demands, as frozen data under ``policies/contracts/``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem

SDK_FILE = "sdk.json"
PORTS_FILE = "theodore-v2.json"


@dataclass(frozen=True, slots=True)
class ContractParameter:
    """One parameter, ``self`` left out; ``kind`` in the terms of :mod:`inspect`, lower case."""

    name: str
    kind: str
    default: bool
    annotation: str | None


@dataclass(frozen=True, slots=True)
class ContractMethod:
    """One method; ``kind`` is async, sync or asyncgen."""

    name: str
    owner: str
    kind: str
    abstract: bool
    parameters: tuple[ContractParameter, ...]
    returns: str | None

    @property
    def streams(self) -> bool:
        """Whether the host iterates over the result, so that an async generator implements it."""
        return self.kind == "asyncgen" or (self.returns or "").partition("[")[0].endswith("AsyncIterator")

    def __str__(self) -> str:
        prefix = "def" if self.kind == "sync" else "async def"
        return f"{prefix} {self.name}({', '.join(['self', *map(_spell, self.parameters)])})"


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract with everything it inherits; methods by name."""

    name: str
    module: str
    category: str | None
    lineage: tuple[str, ...]
    methods: Mapping[str, ContractMethod]


@dataclass(frozen=True, slots=True)
class Contracts:
    """The SDK's base classes and the host's ports."""

    bases: Mapping[str, Contract]
    ports: Mapping[str, Contract]

    def get(self, name: str) -> Contract | None:
        """Return the contract of that name, an SDK base first."""
        return self.bases.get(name) or self.ports.get(name)


@cache
def shipped_contracts() -> Contracts:
    """Load the contracts that come with the toolchain."""
    folder = policies_dir() / "contracts"
    return Contracts(load_contracts(folder / SDK_FILE), load_contracts(folder / PORTS_FILE))


def load_contracts(path: Path) -> Mapping[str, Contract]:
    """Load one file. Raises ConfigurationProblem when it is unreadable or not of the documented shape."""
    try:
        tables = json.loads(path.read_bytes())["contracts"]
        return {name: _contract(name, tables) for name in sorted(tables)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationProblem(
            f"contract file {path.name}: {error}", help="see policies/schemas/contract.schema.json"
        ) from error


def _contract(name: str, tables: Mapping[str, Any]) -> Contract:
    lineage = _lineage(name, tables)
    methods: dict[str, ContractMethod] = {}
    for owner in reversed(lineage):
        for method, table in tables[owner]["methods"].items():
            methods[method] = _method(method, owner, table)
    table = tables[name]
    return Contract(name, table["module"], table["category"], lineage, methods)


def _lineage(name: str, tables: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    pending = [name]
    while pending:
        current = pending.pop(0)
        if current not in found:
            found.append(current)
            pending.extend(tables[current]["bases"])
    return tuple(found)


def _method(name: str, owner: str, table: Mapping[str, Any]) -> ContractMethod:
    parameters = tuple(
        ContractParameter(item["name"], item["kind"], item["default"], item["annotation"])
        for item in table["parameters"]
    )
    return ContractMethod(name, owner, table["kind"], table["abstract"], parameters, table["returns"])


def _spell(parameter: ContractParameter) -> str:
    stars = {"var_positional": "*", "var_keyword": "**"}.get(parameter.kind, "")
    return f"{stars}{parameter.name}{'=…' if parameter.default else ''}"
