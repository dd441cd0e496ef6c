"""Addresses that lead nowhere, or over an unprotected connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import PYPROJECT, plugin

FIELDS = ("homepage", "documentation_url", "changelog_url", "issue_tracker_url")

RULE = Rule(
    name="link-broken-or-insecure",
    severity=Severity.NOTICE,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="An address in the metadata is http:, or no web address at all.",
    why="Whoever follows an http: link can be shown another page. No page is fetched here; dead links stay unseen.",
    remedy="Write https://.",
    bad=(
        Example(plugin(homepage='"http://example.com"'), "unprotected"),
        Example(plugin(documentation_url='"docs.example.com"'), "no address"),
    ),
    good=(
        Example(plugin(), "https"),
        Example(f'# file: pyproject.toml\n{PYPROJECT}\n[project.urls]\nSource = "https://example.com/demo"\n', "https"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Judge the form of every address."""
    for address, location in (*_of_plugin(context), *_of_distribution(context)):
        problem = _problem(address)
        if problem:
            yield report(RULE, location, f"{address!r} {problem}", subject=address)


def _of_plugin(context: RuleContext) -> Iterator[tuple[str, Location]]:
    for field in FIELDS:
        address = context.metadata.values.get(field)
        if isinstance(address, str):
            yield address, context.where(f"/{field}")


def _of_distribution(context: RuleContext) -> Iterator[tuple[str, Location]]:
    urls = context.project.table.get("urls")
    for label, address in urls.items() if isinstance(urls, Mapping) else ():
        if isinstance(address, str):
            yield address, context.project.locate(f'"{address}"', str(label))


def _problem(address: str) -> str | None:
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname
    except ValueError:
        return "is no address"
    if parts.scheme not in {"http", "https"} or not host or ("." not in host and ":" not in host):
        return "is no address of the web"
    return "is not protected (https)" if parts.scheme == "http" else None
