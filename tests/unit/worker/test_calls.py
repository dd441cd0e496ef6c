"""What a host sees of a plugin that behaves."""

from __future__ import annotations


async def test_a_call_returns_the_declared_type(start):
    running = await start("return say(f'{type(request).__name__} {request.url}')")
    assert await running.scrape("https://example.com") == "ScrapingRequest https://example.com"
