"""Search tools: find companies similar to a given one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from theodore_sdk.info import PluginCategory
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.values import Metadata


class SearchCapability(StrEnum):
    """What kind of source a search tool asks."""

    WEB_SEARCH = "web_search"
    NEWS_SEARCH = "news_search"
    COMPANY_RESEARCH = "company_research"
    COMPETITIVE_ANALYSIS = "competitive_analysis"
    REAL_TIME_DATA = "real_time_data"
    HISTORICAL_DATA = "historical_data"
    FINANCIAL_DATA = "financial_data"
    SOCIAL_MEDIA = "social_media"
    PATENT_SEARCH = "patent_search"
    ACADEMIC_SEARCH = "academic_search"
    CUSTOM_ENTERPRISE = "custom_enterprise"


@dataclass(frozen=True, slots=True)
class MCPSearchParams:
    """How to search; ``None`` and empty mean no restriction.

    ``include_domains`` restricts matches to those sites, ``exclude_domains`` drops sites; ``page_token``
    continues an earlier search.
    """

    max_results: int = 10
    industry: str | None = None
    region: str | None = None
    company_size: str | None = None
    business_model: str | None = None
    include_domains: tuple[str, ...] = ()
    exclude_domains: tuple[str, ...] = ()
    page_token: str | None = None


@dataclass(frozen=True, slots=True)
class CompanyMatch:
    """One company found; ``relevance_score`` runs from 0 (unrelated) to 1 (the same kind of company)."""

    name: str
    relevance_score: float
    website: str | None = None
    description: str | None = None
    source_url: str | None = None
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MCPSearchResult:
    """The companies found, best first.

    ``total_found`` may exceed the number of ``matches``; ``next_page_token`` then continues the search;
    ``search_time_ms`` is in milliseconds; ``citations`` are the addresses consulted.
    """

    query: str
    matches: tuple[CompanyMatch, ...]
    total_found: int
    search_time_ms: float = 0.0
    next_page_token: str | None = None
    citations: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SearchCapabilities:
    """What a search tool can do, for whoever chooses between several."""

    capabilities: tuple[SearchCapability, ...] = ()
    max_results_per_query: int = 100
    supports_filters: bool = False
    supports_pagination: bool = False
    rate_limit_per_minute: int | None = None


class SearchToolPlugin(PluginInterface):
    """Base class of plugins that search for similar companies."""

    category: ClassVar[PluginCategory] = PluginCategory.SEARCH_TOOL

    @abstractmethod
    async def search_similar_companies(self, company_name: str, params: MCPSearchParams) -> MCPSearchResult:
        """Return companies similar to ``company_name``, best first, at most ``params.max_results``."""

    async def stream_similar_companies(self, company_name: str, params: MCPSearchParams) -> AsyncIterator[CompanyMatch]:
        """Yield similar companies as they are found, in any order; by default once the whole search is done."""
        for match in (await self.search_similar_companies(company_name, params)).matches:
            yield match

    async def get_search_capabilities(self) -> SearchCapabilities:
        """Return what this tool can do; by default nothing is claimed."""
        return SearchCapabilities()
