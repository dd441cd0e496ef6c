"""From HTML to the text a person would read."""

from __future__ import annotations

from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag

_NOISE = ("script", "style", "noscript", "template", "nav", "footer")


@dataclass(frozen=True, slots=True)
class Page:
    """The title and the main text of one page."""

    title: str
    text: str


def extract(html: str) -> Page:
    """Return the title and main text of ``html``: main, else article, else a content division, else the body."""
    soup = BeautifulSoup(html, "html.parser")
    title = soup.title.get_text(strip=True) if soup.title else ""
    for noise in soup(_NOISE):
        noise.decompose()
    return Page(title=title, text=_main_content(soup).get_text(strip=True, separator="\n"))


def _main_content(soup: BeautifulSoup) -> Tag:
    for candidate in (soup.find("main"), soup.find("article"), soup.select_one('div[class*="content" i]'), soup.body):
        if isinstance(candidate, Tag):
            return candidate
    return soup
