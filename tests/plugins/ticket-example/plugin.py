# examples/plugins/example_scraper/plugin.py

from typing import Dict, List, Any, Optional
from src.plugins.base import ScraperPlugin, PluginInfo
from src.core.ports.scraper import ScraperPort, ScrapingResult
from src.core.entities.scraping import ScrapingRequest

class ExampleScraperPlugin(ScraperPlugin):
    """
    Example web scraper plugin that demonstrates proper implementation
    of the scraper interface with configuration and error handling
    """
    
    def get_plugin_info(self) -> PluginInfo:
        return PluginInfo(
            name="example-scraper",
            version="1.0.0",
            description="Example web scraper plugin for demonstration",
            author="Theodore Team",
            email="team@theodore.ai",
            homepage="https://github.com/theodore/example-scraper",
            license="MIT",
            category=PluginCategory.SCRAPER,
            interfaces=["ScraperPort"],
            dependencies=[],
            compatible_versions=VersionRange(">=2.0.0,<3.0.0"),
            min_python_version="3.9",
            required_packages=[
                PackageDependency("httpx", ">=0.24.0"),
                PackageDependency("beautifulsoup4", ">=4.12.0")
            ],
            configuration_schema={
                "type": "object",
                "properties": {
                    "timeout": {"type": "number", "default": 30},
                    "max_retries": {"type": "integer", "default": 3},
                    "user_agent": {"type": "string", "default": "ExampleScraper/1.0"}
                }
            },
            permissions=[
                PluginPermission(PermissionType.NETWORK, "HTTP/HTTPS requests to any domain"),
            ],
            resource_limits=PluginResourceLimits(
                max_memory_mb=256,
                max_cpu_percent=25.0,
                max_network_requests_per_minute=60
            ),
            tags=["web-scraping", "example", "http"]
        )
    
    async def initialize(self, container: Container, config: PluginConfig) -> None:
        """Initialize the scraper with configuration and dependencies"""
        self.config = config
        self.http_client = httpx.AsyncClient(
            timeout=config.get("timeout", 30),
            headers={"User-Agent": config.get("user_agent", "ExampleScraper/1.0")}
        )
        self.max_retries = config.get("max_retries", 3)
        
    async def scrape_content(self, request: ScrapingRequest) -> ScrapingResult:
        """
        Scrape content from the specified URL with error handling and retries
        """
        
        for attempt in range(self.max_retries):
            try:
                response = await self.http_client.get(request.url)
                response.raise_for_status()
                
                # Parse content with BeautifulSoup
                soup = BeautifulSoup(response.text, 'html.parser')
                
                # Extract structured content
                content = self._extract_content(soup, request)
                
                return ScrapingResult(
                    url=request.url,
                    content=content,
                    status_code=response.status_code,
                    success=True,
                    metadata={
                        "attempt": attempt + 1,
                        "response_time": response.elapsed.total_seconds(),
                        "content_type": response.headers.get("content-type")
                    }
                )
                
            except Exception as e:
                if attempt == self.max_retries - 1:
                    return ScrapingResult(
                        url=request.url,
                        content="",
                        status_code=0,
                        success=False,
                        error=str(e),
                        metadata={"attempts": attempt + 1}
                    )
                await asyncio.sleep(2 ** attempt)  # Exponential backoff
    
    def _extract_content(self, soup: BeautifulSoup, request: ScrapingRequest) -> str:
        """Extract relevant content based on request parameters"""
        
        # Remove scripts and styles
        for script in soup(["script", "style"]):
            script.decompose()
        
        # Extract main content based on common patterns
        main_content = (
            soup.find("main") or
            soup.find("article") or
            soup.find("div", class_=lambda x: x and "content" in x.lower()) or
            soup.find("body")
        )
        
        if main_content:
            return main_content.get_text(strip=True, separator="\n")
        else:
            return soup.get_text(strip=True, separator="\n")
    
    async def health_check(self) -> HealthStatus:
        """Check if the scraper is functional"""
        try:
            # Test with a reliable endpoint
            response = await self.http_client.head("https://httpbin.org/status/200", timeout=10)
            return HealthStatus.healthy() if response.status_code == 200 else HealthStatus.unhealthy("Network test failed")
        except Exception as e:
            return HealthStatus.unhealthy(f"Health check failed: {str(e)}")
    
    async def cleanup(self) -> None:
        """Clean up resources"""
        if hasattr(self, 'http_client'):
            await self.http_client.aclose()
