"""Addresses are protected."""

from __future__ import annotations

from typing import Any

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import text
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.toml import edit, replace_string
from theodore_plugin.rules.manifest.link_broken_or_insecure import FIELDS

RULE = "link-broken-or-insecure"
SAFE = False
DOES = "Write `https://` for `http://`. Whether the server answers there was not tried."


def fix(finding: Finding, context: FixContext) -> Fix:
    """Change the scheme where the address is written."""
    address = (finding.subject or "").strip()
    if not address.startswith("http://"):
        raise NoFix("the address lacks more than protection")
    new = f"https://{address.removeprefix('http://')}"
    for field in FIELDS:
        if finding.location == context.rules.where(f"/{field}"):
            return Fix(RULE, SAFE, (text(context, f"/{field}", new),), f"write {new}")

    def changed(document: Any) -> None:
        urls = document["project"]["urls"]
        for label in [label for label, value in urls.items() if str(value) == finding.subject]:
            replace_string(urls, label, new)

    return Fix(RULE, SAFE, (edit(context, changed),), f"write {new}")
