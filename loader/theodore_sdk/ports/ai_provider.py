"""AI providers: text completion and embeddings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from theodore_sdk.info import PluginCategory
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.values import Metadata


class FinishReason(StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One prompt.

    ``model`` is ``None`` for the provider's default; ``max_tokens`` bounds the answer; ``temperature`` runs
    from 0 (repeatable) upwards; generation ends at the first of ``stop_sequences``.
    """

    prompt: str
    system_prompt: str | None = None
    model: str | None = None
    max_tokens: int = 1024
    temperature: float = 0.7
    stop_sequences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens read and written, as the provider counts them."""

    prompt_tokens: int
    completion_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Return both together, which is what providers bill."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """One answer, the model that gave it and why it ended."""

    content: str
    model: str
    finish_reason: FinishReason
    usage: TokenUsage
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CompletionChunk:
    """The next piece of an answer; the last one says why it ended and what it took."""

    content: str
    finish_reason: FinishReason | None = None
    usage: TokenUsage | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingResult:
    """One vector per text, in the order of the texts, each of ``dimensions`` numbers."""

    embeddings: tuple[tuple[float, ...], ...]
    model: str
    dimensions: int
    usage: TokenUsage
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a provider offers; ``None`` where it does not say. Context and output are counted in tokens."""

    provider_name: str
    available_models: tuple[str, ...] = ()
    default_model: str | None = None
    max_context_tokens: int | None = None
    max_output_tokens: int | None = None
    embedding_dimensions: int | None = None


class AIProviderPlugin(PluginInterface):
    """Base class of plugins that complete text and compute embeddings."""

    category: ClassVar[PluginCategory] = PluginCategory.AI_PROVIDER

    @abstractmethod
    async def generate_completion(self, request: CompletionRequest) -> CompletionResult:
        """Complete one prompt."""

    @abstractmethod
    async def generate_embeddings(self, texts: Sequence[str]) -> EmbeddingResult:
        """Return one vector per text; every call answers with the same number of dimensions."""

    async def stream_completion(self, request: CompletionRequest) -> AsyncIterator[CompletionChunk]:
        """Complete one prompt and yield the answer as it is written; by default it comes whole, in one piece."""
        result = await self.generate_completion(request)
        yield CompletionChunk(result.content, result.finish_reason, result.usage)

    async def get_model_info(self) -> ModelInfo:
        """Return what the provider offers; by default only its name is known."""
        return ModelInfo(provider_name=self.get_plugin_info().name)
