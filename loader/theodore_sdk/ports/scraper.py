"""Scrapers: fetch the content of one page."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from theodore_sdk.info import PluginCategory
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.values import Metadata


@dataclass(frozen=True, slots=True)
class ScrapingRequest:
    """One page to fetch.

    ``timeout_seconds`` bounds the whole request; a longer page than ``max_content_bytes`` is cut there;
    ``include_links`` asks for the addresses the page links to.
    """

    url: str
    timeout_seconds: float = 30.0
    max_content_bytes: int = 1_000_000
    include_links: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScrapingResult:
    """What came of one request.

    ``content`` is readable text and empty on failure; ``status_code`` is the HTTP status, 0 when no answer
    came; ``links`` are absolute addresses in page order; ``error`` says what went wrong.
    """

    url: str
    content: str
    status_code: int
    success: bool
    error: str | None = None
    title: str | None = None
    links: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How fast the host may call: a steady rate and the burst tolerated above it."""

    requests_per_second: float = 1.0
    burst_size: int = 5


class ScraperPlugin(PluginInterface):
    """Base class of plugins that fetch web content."""

    category: ClassVar[PluginCategory] = PluginCategory.SCRAPER

    @abstractmethod
    async def scrape_content(self, request: ScrapingRequest) -> ScrapingResult:
        """Fetch one page; a page that cannot be had is a result with ``success`` false, not an exception."""

    async def stream_contents(self, requests: Sequence[ScrapingRequest]) -> AsyncIterator[ScrapingResult]:
        """Fetch several pages and yield each result as soon as it is there; by default one after the other."""
        for request in requests:
            yield await self.scrape_content(request)

    async def supports_javascript(self) -> bool:
        """Return whether pages are rendered by running their scripts."""
        return False

    async def get_rate_limits(self) -> RateLimit | None:
        """Return how fast the host may call, or ``None`` for no limit of the plugin's own."""
        return None
