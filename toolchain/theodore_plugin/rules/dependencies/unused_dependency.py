"""A dependency that no line of the plugin refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from packaging.utils import canonicalize_name

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.dependencies.imports import distribution, foreign_imports, may_bring
from theodore_plugin.rules.dependencies.locked import parsed
from theodore_plugin.rules.examples import pyproject
from theodore_plugin.rules.manifest.metadata_drift import OWN_DISTRIBUTION

_WORD = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", re.IGNORECASE)
_WITHOUT_IMPORT = frozenset(
    {
        *(
            "brotli",
            "brotlicffi",
            "certifi",
            "charset-normalizer",
            "h2",
            "socksio",
            "tzdata",
            "uvloop",
            "win32-setctime",
        ),
        *("hiredis", "pysocks", "truststore", "typing-extensions", "zstandard", "setuptools"),
    }
)
"""Distributions that other libraries use when they are there; nobody who wants that imports them."""

RULE = Rule(
    name="unused-dependency",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="Nothing in the plugin imports, or even names, a declared dependency.",
    why="It is downloaded, audited and kept up to date for nothing, and its holes are the plugin's.",
    remedy="Remove it from dependencies and required_packages.",
    bad=(
        Example(pyproject('"httpx>=0.27"', '"httpx>=0.27", "lxml>=5"'), "imported nowhere"),
        Example(
            pyproject('"httpx>=0.27"', '"httpx>=0.27", "orjson>=3"')
            + "# file: demo/example.py\nimport json as orjson\n",
            "something else by that name",
        ),
    ),
    good=(
        Example(pyproject(), "imported"),
        Example(
            pyproject('"httpx>=0.27"', '"httpx>=0.27", "lxml>=5"') + '# file: demo/example.py\nPARSER = "lxml"\n',
            "chosen by name",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Compare dependencies with imports, as long as every import can be told whose it is."""
    if context.failures or context.project.unreadable:
        return
    needs = {canonicalize_name(need.name): need for need in parsed(context.project.table.get("dependencies", ()))}
    imported = {target for facts in context.facts.values() for _, target in foreign_imports(context, facts)}
    used = {name for name in needs if any(_brings(context, name, target) for target in imported)}
    unused = {
        name: need for name, need in needs.items() if name not in used and not _is_exempt(name, bool(need.extras))
    }
    if not unused or any(_is_nobodys(context, target, used) for target in imported):
        return
    mentioned = _mentioned(context)
    for name, need in unused.items():
        if name not in mentioned:
            where = context.project.locate(f'"{need.name}', f"'{need.name}", need.name)
            yield report(RULE, where, f"{need.name} is a dependency, and nothing imports it", subject=name)


def _is_exempt(name: str, has_extras: bool) -> bool:
    """Whether something is wanted for what it changes or types, not for what it offers."""
    typing_only = name.startswith("types-") or name.endswith("-stubs")
    return has_extras or typing_only or name == OWN_DISTRIBUTION or name in _WITHOUT_IMPORT


def _brings(context: RuleContext, name: str, target: str) -> bool:
    return canonicalize_name(distribution(context, target)) == name or may_bring(name, target)


def _is_nobodys(context: RuleContext, target: str, used: AbstractSet[str]) -> bool:
    """Whether an import may well come from a dependency that is called quite differently."""
    return not any(_brings(context, name, target) for name in used) and not _is_described(context, target)


def _is_described(context: RuleContext, target: str) -> bool:
    library = context.capabilities.library(target)
    return library is not None and bool(library.distribution)


def _mentioned(context: RuleContext) -> frozenset[str]:
    """Normalised words of every string: drivers, parsers and back ends are often chosen by name."""
    declaration = frozenset(context.metadata.locations.values())
    texts = (
        node.value
        for facts in context.facts.values()
        for node in m.walk(facts.body)
        if isinstance(node, m.Constant) and isinstance(node.value, str) and node.span.at(facts.path) not in declaration
    )
    words = {canonicalize_name(word) for text in texts for word in _WORD.findall(text)}
    return frozenset(words | {part for word in words for part in word.split("-")})
