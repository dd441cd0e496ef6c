"""Discovery: find the web domain of a company."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from theodore_sdk.info import PluginCategory
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.values import Metadata


class DiscoveryStrategy(StrEnum):
    """Where a domain was looked for."""

    SEARCH_ENGINE = "search_engine"
    DNS_LOOKUP = "dns_lookup"
    WHOIS_LOOKUP = "whois_lookup"
    SOCIAL_MEDIA = "social_media"
    DIRECTORY_SERVICES = "directory_services"


class DomainValidationLevel(StrEnum):
    """How thoroughly a domain was, or shall be, verified."""

    NONE = "none"
    BASIC = "basic"
    HTTP_CHECK = "http_check"
    FULL_CHECK = "full_check"


@dataclass(frozen=True, slots=True)
class DomainDiscoveryRequest:
    """One company to find; ``timeout_seconds`` bounds the whole search."""

    company_name: str
    validation_level: DomainValidationLevel = DomainValidationLevel.BASIC
    max_alternatives: int = 3
    timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class DomainDiscoveryResult:
    """The domain found, or ``None``.

    ``confidence_score`` runs from 0 to 1; ``is_validated`` says that ``validation_level`` was reached;
    ``alternative_domains`` come best first.
    """

    company_name: str
    discovered_domain: str | None
    confidence_score: float
    strategy: DiscoveryStrategy
    validation_level: DomainValidationLevel = DomainValidationLevel.NONE
    is_validated: bool = False
    alternative_domains: tuple[str, ...] = ()
    error_message: str | None = None
    metadata: Metadata = field(default_factory=dict)


class DiscoveryPlugin(PluginInterface):
    """Base class of plugins that find a company's domain."""

    category: ClassVar[PluginCategory] = PluginCategory.DISCOVERY

    @abstractmethod
    async def discover_domain(self, request: DomainDiscoveryRequest) -> DomainDiscoveryResult:
        """Find one company's domain; not finding it is a result without a domain, not an exception."""

    @abstractmethod
    async def get_supported_strategies(self) -> tuple[DiscoveryStrategy, ...]:
        """Return where this plugin looks."""

    async def discover_domains(self, requests: Sequence[DomainDiscoveryRequest]) -> tuple[DomainDiscoveryResult, ...]:
        """Find several, in the order asked; by default one after the other."""
        return tuple([await self.discover_domain(request) for request in requests])

    async def stream_domains(self, requests: Sequence[DomainDiscoveryRequest]) -> AsyncIterator[DomainDiscoveryResult]:
        """Find several and yield each as soon as it is found; by default in the order asked."""
        for request in requests:
            yield await self.discover_domain(request)
