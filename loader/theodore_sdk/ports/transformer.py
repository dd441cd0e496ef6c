"""Transformers: change records on their way through a pipeline."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import ClassVar

from theodore_sdk.info import PluginCategory
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.values import Metadata


@dataclass(frozen=True, slots=True)
class TransformRequest:
    """Records to transform; ``options`` are the transformer's own."""

    records: tuple[Metadata, ...]
    options: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransformResult:
    """The records after the transformation.

    ``changed_count`` counts the records that differ; ``errors`` name records that were left as they were.
    """

    records: tuple[Metadata, ...]
    changed_count: int
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TransformInfo:
    """What a pipeline may assume: applying it twice equals once; one record in gives one record out."""

    is_idempotent: bool = False
    preserves_count: bool = False


class TransformerPlugin(PluginInterface):
    """Base class of plugins that transform records."""

    category: ClassVar[PluginCategory] = PluginCategory.TRANSFORMER

    @abstractmethod
    async def transform(self, request: TransformRequest) -> TransformResult:
        """Return transformed records; the request's records are never changed in place."""

    async def transform_stream(self, requests: AsyncIterator[TransformRequest]) -> AsyncIterator[TransformResult]:
        """Transform more records than fit in one request: one result for each request, in their order."""
        async for request in requests:
            yield await self.transform(request)

    async def get_transform_info(self) -> TransformInfo:
        """Return what a pipeline may assume; by default nothing."""
        return TransformInfo()
