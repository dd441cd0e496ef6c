"""Write the pages under ``docs/rules``: ``python -m theodore_plugin.report.rule_pages docs/rules``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from theodore_plugin.report.rule_page import index_page, rule_page
from theodore_plugin.rules.book import rule_book


def pages() -> Mapping[str, str]:
    """Return every page by file name."""
    rules = rule_book()
    return {"README.md": index_page(list(rules.values()))} | {
        f"{name}.md": rule_page(rule) for name, rule in rules.items()
    }


def write_pages(folder: Path) -> None:
    """Write the pages and remove those of rules that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for stale in folder.glob("*.md"):
        if stale.name not in wanted:
            stale.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
