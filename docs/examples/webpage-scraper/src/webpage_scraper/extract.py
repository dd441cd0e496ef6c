"""From HTML to the text a person would read."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag

_NOISE = ("script", "style", "noscript", "template", "nav", "footer")


@dataclass(frozen=True, slots=True)
class Page:
    """The title, the main text and the absolute link targets of one page."""

    title: str
    text: str
    links: tuple[str, ...]


def extract(html: str, base_url: str = "") -> Page:
    """Return what a reader sees of ``html``: main, else article, else a content division, else the body."""
    soup = BeautifulSoup(html, "html.parser")
    title = soup.title.get_text(strip=True) if soup.title else ""
    links = tuple(urljoin(base_url, str(anchor["href"])) for anchor in soup.find_all("a", href=True))
    for noise in soup(_NOISE):
        noise.decompose()
    return Page(title=title, text=_main_content(soup).get_text(strip=True, separator="\n"), links=links)


def _main_content(soup: BeautifulSoup) -> Tag:
    for candidate in (soup.find("main"), soup.find("article"), soup.select_one('div[class*="content" i]'), soup.body):
        if isinstance(candidate, Tag):
            return candidate
    return soup
