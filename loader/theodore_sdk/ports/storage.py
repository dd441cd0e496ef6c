"""Storage: keep vectors and find the nearest ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from theodore_sdk.info import PluginCategory
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.values import Metadata


class SimilarityMetric(StrEnum):
    """How two vectors are compared; larger scores are always nearer."""

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"
    DOT_PRODUCT = "dot_product"


@dataclass(frozen=True, slots=True)
class VectorRecord:
    """One stored vector; ``id`` is unique within its namespace."""

    id: str
    vector: tuple[float, ...]
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VectorQuery:
    """What to look for.

    At most ``top_k`` matches are wanted, none scoring below ``minimum_score``; a match carries every pair of
    ``metadata_filter``; vectors themselves are returned only where ``include_vectors`` asks for them.
    """

    vector: tuple[float, ...]
    top_k: int = 10
    namespace: str = ""
    minimum_score: float | None = None
    metadata_filter: Metadata = field(default_factory=dict)
    include_vectors: bool = False


@dataclass(frozen=True, slots=True)
class VectorMatch:
    """One vector found and how near it is."""

    id: str
    score: float
    metadata: Metadata = field(default_factory=dict)
    vector: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class VectorQueryResult:
    """The matches, nearest first."""

    matches: tuple[VectorMatch, ...]


@dataclass(frozen=True, slots=True)
class VectorWriteResult:
    """How many vectors a write touched; ``missing_ids`` are those a delete did not find."""

    affected_count: int
    missing_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StorageInfo:
    """What the store promises; ``dimensions`` is ``None`` where any length is accepted."""

    metric: SimilarityMetric = SimilarityMetric.COSINE
    is_persistent: bool = False
    dimensions: int | None = None


class StoragePlugin(PluginInterface):
    """Base class of plugins that store vectors."""

    category: ClassVar[PluginCategory] = PluginCategory.STORAGE

    @abstractmethod
    async def upsert_vectors(self, records: Sequence[VectorRecord], namespace: str = "") -> VectorWriteResult:
        """Insert or replace records: all of them, or none where one is refused."""

    @abstractmethod
    async def query_vectors(self, query: VectorQuery) -> VectorQueryResult:
        """Return the stored vectors nearest to the query."""

    @abstractmethod
    async def delete_vectors(self, ids: Sequence[str], namespace: str = "") -> VectorWriteResult:
        """Delete by id; unknown ids are reported, not an error."""

    @abstractmethod
    async def count_vectors(self, namespace: str = "") -> int:
        """Return how many vectors a namespace holds."""

    async def get_storage_info(self) -> StorageInfo:
        """Return what the store promises; by default cosine, in memory, any length."""
        return StorageInfo()
