"""A plugin name that cannot be an identifier of the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin

_ID = re.compile(r"[a-z][a-z0-9-]{2,63}", re.ASCII)

RULE = Rule(
    name="invalid-plugin-id",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="The plugin's name is not 3 to 64 of a-z, 0-9 and -, starting with a letter, in normal form.",
    why="Trust files, stores and registries key on the name; two spellings of one name would be two plugins.",
    remedy="Use the normalised distribution name (PEP 503): lower case, single hyphens.",
    bad=(
        Example(plugin(name='"Demo"'), "upper case"),
        Example(plugin(name='"my_demo"'), "an underscore"),
    ),
    good=(
        Example(plugin(), "as the distribution is called"),
        Example(plugin(name='"demo-scraper"'), "hyphenated"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Check the spelling of the name."""
    name = context.metadata.values.get("name")
    if isinstance(name, str) and (not _ID.fullmatch(name) or canonicalize_name(name) != name):
        suggestion = canonicalize_name(name)
        help_text = f'use "{suggestion}"' if _ID.fullmatch(suggestion) else RULE.remedy
        yield report(RULE, context.where("/name"), f"{name!r} is not a plugin name", help_text)
