"""Contracts as one host version has them: what its base classes and ports demand, and what its SDK offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SDK = "theodore_sdk"


@dataclass(frozen=True, slots=True)
class Life:
    """From which host version on something exists, is deprecated, is gone; ``None`` where that never happens."""

    since: str | None = None
    deprecated: str | None = None
    removed: str | None = None
    replacement: str | None = None
    experimental: bool = False


ALWAYS = Life()


@dataclass(frozen=True, slots=True)
class ContractParameter:
    """One parameter, ``self`` left out; ``kind`` in the terms of :mod:`inspect`, lower case."""

    name: str
    kind: str
    default: bool
    annotation: str | None


@dataclass(frozen=True, slots=True)
class ContractMethod:
    """One method; ``kind`` is async, sync or asyncgen. ``raises`` of ``None`` leaves exceptions open."""

    name: str
    owner: str
    kind: str
    abstract: bool
    parameters: tuple[ContractParameter, ...]
    returns: str | None
    raises: tuple[str, ...] | None = None
    life: Life = ALWAYS

    @property
    def streams(self) -> bool:
        """Whether the host iterates over the result, so that an async generator implements it."""
        return self.kind == "asyncgen" or (self.returns or "").partition("[")[0].endswith("AsyncIterator")

    def __str__(self) -> str:
        prefix = "def" if self.kind == "sync" else "async def"
        return f"{prefix} {self.name}({', '.join(['self', *_spelt(self.parameters)])})"


@dataclass(frozen=True, slots=True)
class ContractAttribute:
    """A value the host reads off the object; ``required`` if no base class has one."""

    name: str
    owner: str
    annotation: str | None
    required: bool
    life: Life = ALWAYS


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract with everything it inherits; members by name."""

    name: str
    module: str
    category: str | None
    lineage: tuple[str, ...]
    methods: Mapping[str, ContractMethod]
    attributes: Mapping[str, ContractAttribute] = field(default_factory=dict)
    life: Life = ALWAYS

    @property
    def is_base(self) -> bool:
        """Whether classes derive from it; ports are implemented without inheriting anything."""
        return self.module.partition(".")[0] == SDK


@dataclass(frozen=True, slots=True)
class DataType:
    """A type that crosses the border. ``kind`` is dataclass, model, class, enum, alias or opaque (members unknown)."""

    name: str
    kind: str
    members: frozenset[str]
    """Every attribute that may be read: fields, methods, enum members."""
    fields: tuple[str, ...] = ()
    """What the constructor of a dataclass takes, in order."""


@dataclass(frozen=True, slots=True)
class ModuleSurface:
    """Names of one SDK module: what plugins may use, and what is there for the SDK itself."""

    exports: frozenset[str]
    internal: frozenset[str]


@dataclass(frozen=True, slots=True)
class Contracts:
    """Everything one host version demands and offers."""

    version: str
    bases: Mapping[str, Contract]
    ports: Mapping[str, Contract]
    types: Mapping[str, DataType]
    """The SDK's data types by bare name."""
    modules: Mapping[str, ModuleSurface]
    lives: Mapping[str, Life]
    """What the SDK's history says, by ``Name`` or ``Name.member``; also of names this version does not have."""
    exceptions: Mapping[str, tuple[str, ...]]
    """Qualified name to bases, ``Exception`` where the tree ends."""
    protocols: tuple[int, ...] = ()

    def get(self, name: str) -> Contract | None:
        """Return the contract of that name, an SDK base first."""
        return self.bases.get(name) or self.ports.get(name)


def _spelt(parameters: tuple[ContractParameter, ...]) -> Iterator[str]:
    """Spell parameters as a definition would, markers included."""
    kinds = [parameter.kind for parameter in parameters]
    for position, parameter in enumerate(parameters):
        if parameter.kind == "keyword_only" and not {"var_positional", "keyword_only"} & set(kinds[:position]):
            yield "*"
        stars = {"var_positional": "*", "var_keyword": "**"}.get(parameter.kind, "")
        yield f"{stars}{parameter.name}{'=…' if parameter.default else ''}"
        if parameter.kind == "positional_only" and "positional_only" not in kinds[position + 1 :]:
            yield "/"
