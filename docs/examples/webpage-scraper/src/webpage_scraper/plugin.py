"""The plugin object: metadata, lifecycle, and the scraping loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from theodore_sdk import (
    HealthStatus,
    PackageDependency,
    PermissionType,
    PluginCategory,
    PluginConfig,
    PluginContext,
    PluginInfo,
    PluginPermission,
    PluginResourceLimits,
    RateLimit,
    ScraperPlugin,
    ScrapingRequest,
    ScrapingResult,
    ValidationResult,
    VersionRange,
)
from webpage_scraper.extract import extract

DEFAULT_TIMEOUT = 30.0
DEFAULT_RETRIES = 3
DEFAULT_USER_AGENT = "WebpageScraper/1.0"
RETRYABLE = frozenset({429, 500, 502, 503, 504})


class WebpageScraperPlugin(ScraperPlugin):
    """Fetches pages with httpx, retries what may pass, and returns the main text."""

    def get_plugin_info(self) -> PluginInfo:
        """Describe the plugin; read statically, never run by a host."""
        return PluginInfo(
            name="webpage-scraper",
            version="1.0.0",
            description="Reads web pages and returns their main text, with retries and backoff.",
            author="Theodore Team",
            email="team@theodore.example",
            homepage="https://theodore.example/plugins/webpage-scraper",
            license="Apache-2.0",
            category=PluginCategory.SCRAPER,
            interfaces=["ScraperPlugin"],
            dependencies=[],
            compatible_versions=VersionRange(">=2.0.0,<3.0.0"),
            min_python_version="3.11",
            max_python_version=None,
            required_packages=[
                PackageDependency("beautifulsoup4", ">=4.12,<5"),
                PackageDependency("httpx", ">=0.27,<1"),
            ],
            optional_packages=[],
            configuration_schema={
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "timeout": {"type": "number", "exclusiveMinimum": 0, "maximum": 120, "default": DEFAULT_TIMEOUT},
                    "max_retries": {"type": "integer", "minimum": 1, "maximum": 10, "default": DEFAULT_RETRIES},
                    "user_agent": {"type": "string", "minLength": 1, "default": DEFAULT_USER_AGENT},
                    "backoff_seconds": {"type": "number", "minimum": 0, "maximum": 60, "default": 1.0},
                },
            },
            permissions=[
                PluginPermission(
                    PermissionType.NETWORK,
                    "Fetches the company pages that Theodore asks for; here the ones served on this machine.",
                    pattern="localhost:*",
                ),
            ],
            resource_limits=PluginResourceLimits(
                max_memory_mb=256,
                max_cpu_percent=25.0,
                max_network_requests_per_minute=60,
                max_subprocess_count=0,
                max_execution_time_seconds=60.0,
            ),
            tags=["web-scraping", "example", "http"],
        )

    async def initialize(self, container: PluginContext, config: PluginConfig) -> None:
        """Open one client for the life of the plugin."""
        self.log = container.logger
        self.max_retries = int(config.get("max_retries", DEFAULT_RETRIES))
        self.backoff = float(config.get("backoff_seconds", 1.0))
        self.timeout = float(config.get("timeout", DEFAULT_TIMEOUT))
        self.client = httpx.AsyncClient(
            headers={"User-Agent": str(config.get("user_agent", DEFAULT_USER_AGENT))},
            follow_redirects=True,
        )

    async def validate_configuration(self, config: Mapping[str, Any]) -> ValidationResult:
        """Check what the schema cannot say: all retries together must fit into one call."""
        waited = float(config.get("backoff_seconds", 1.0)) * (2 ** int(config.get("max_retries", DEFAULT_RETRIES)) - 1)
        if waited > 60:
            return ValidationResult.failure([f"backoff_seconds and max_retries add up to {waited:.0f} s of waiting"])
        return ValidationResult.success()

    async def scrape_content(self, request: ScrapingRequest) -> ScrapingResult:
        """Return the main text of ``request.url``; what went wrong comes back in the result, not as an exception."""
        error = "no attempt was made"
        for attempt in range(1, self.max_retries + 1):
            try:
                response = await self.client.get(
                    request.url, headers=dict(request.headers), timeout=min(self.timeout, request.timeout_seconds)
                )
            except httpx.HTTPError as failure:
                error = f"{type(failure).__name__}: {failure}"
            else:
                if response.status_code not in RETRYABLE:
                    return self._result(request, response, attempt)
                error = f"HTTP {response.status_code}"
            self.log.warning("attempt %d of %d for %s: %s", attempt, self.max_retries, request.url, error)
            if attempt < self.max_retries:
                await asyncio.sleep(self.backoff * 2 ** (attempt - 1))
        return ScrapingResult(
            url=request.url,
            content="",
            status_code=0,
            success=False,
            error=error,
            metadata={"attempts": self.max_retries},
        )

    def _result(self, request: ScrapingRequest, response: httpx.Response, attempt: int) -> ScrapingResult:
        page = extract(response.text[: request.max_content_bytes], base_url=str(response.url))
        return ScrapingResult(
            url=str(response.url),
            content=page.text,
            status_code=response.status_code,
            success=response.is_success,
            error=None if response.is_success else f"HTTP {response.status_code}",
            title=page.title,
            links=page.links if request.include_links else (),
            metadata={
                "attempt": attempt,
                "response_time": response.elapsed.total_seconds(),
                "content_type": response.headers.get("content-type", ""),
            },
        )

    async def get_rate_limits(self) -> RateLimit | None:
        """Stay within the limit declared in the metadata."""
        return RateLimit(requests_per_second=1.0, burst_size=5)

    async def health_check(self) -> HealthStatus:
        """Report whether the client is open; no page is fetched for it."""
        return HealthStatus.unhealthy("client is closed") if self.client.is_closed else HealthStatus.healthy()

    async def cleanup(self) -> None:
        """Close the client."""
        await self.client.aclose()
