"""Texts that a template left for the author to replace."""

from __future__ import annotations

import re
from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin

FIELDS = ("name", "description", "author", "email", "homepage", "documentation_url", "changelog_url")
_LEFT = re.compile(
    r"""
      ^\W*(?:TODO|FIXME|TBD|XXX)\b | \b(?:TODO|FIXME):              # markers, in capitals only
    | (?i:\bmy\ (?:awesome|cool|great|first|new)\ (?:plugin|package|project)\b)
    | (?i:^an?\ (?:awesome|short)\ (?:plugin|description)\b)
    | (?i:\blorem\ ipsum\b)
    | (?i:^(?:your|author)[\ ._-]?(?:full[\ ._-]?)?name(?:\ here)?$)
    | (?i:^(?:you|me|your[._-]?email|your[._-]?name|username)@)
    | (?i:/your[-_]?(?:user(?:name)?|org|organi[sz]ation|name|repo|project)\b)
    | (?i:^(?:add|write|insert|put)\ (?:a|your|the)\ (?:short\ )?description\b)
    | (?i:^describe\ (?:your|the|this)\ (?:plugin|project)\b)
    | \{\{\s*(?:cookiecutter|copier|project|plugin|package|name|author|description|email)\b[^}]*\}\}
    | ^<[A-Za-z][A-Za-z_ ]+>$                                      # a template's own syntax
    """,
    re.VERBOSE,
)

RULE = Rule(
    name="template-text-left",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="Metadata still says what a template said: TODO, My awesome plugin, Your Name.",
    why="People choose plugins by these texts, and write to these addresses.",
    remedy="Write what is true of this plugin.",
    bad=(
        Example(plugin(description='"TODO: describe the plugin"'), "a marker"),
        Example(plugin(author='"Your Name"', email='"you@example.com"'), "nobody's name and address"),
    ),
    good=(
        Example(plugin(), "written"),
        Example(plugin(description='"Turns todo lists into calendar entries"'), "about todo lists"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every text a person reads."""
    for field in FIELDS:
        text = context.metadata.values.get(field)
        found = _LEFT.search(text) if isinstance(text, str) else None
        if found:
            yield report(RULE, context.where(f"/{field}"), f"{field} still says {found.group()!r}")
