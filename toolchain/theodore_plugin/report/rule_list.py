"""All rules at a glance, by group: how bad, who may silence it, what it catches; and the same for programs.

::

    permissions
      undeclared-permission  error   nobody  The plugin's code exercises a permission that no PluginPermission declares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from rich.text import Text

from theodore_plugin.finding import Example, Rule, Silencer
from theodore_plugin.report.text import STYLES
from theodore_plugin.report.wrap import wrapped

SCHEMA_VERSION = 1
"""Of the JSON forms; a change readers would notice raises it."""
WHO = {Silencer.INLINE: "author", Silencer.POLICY: "policy", Silencer.NOBODY: "nobody"}
_NARROW = 72
"""Below this many columns what a rule catches stands on lines of its own."""
_ENDS = 24
"""Columns of everything but the rule's name and what it catches."""
LEGEND = (
    "author: silenced by a comment with a reason; policy: only by the policy's owner; nobody: not at all.",
    "`theodore-plugin explain RULE` says why a rule exists and what to do.",
)


def rule_list(rules: Mapping[str, Rule], groups: Mapping[str, str], width: int | None) -> Iterator[Text]:
    """Yield the list line by line, groups and rules in report order, broken at ``width`` columns if there is one."""
    room = max(map(len, rules), default=0)
    for group, of_group in groupby(_by_group(rules, groups), key=lambda rule: groups[rule.name]):
        yield Text(group, "bold")
        for rule in of_group:
            yield from _row(rule, room, width)
        yield Text()
    for line in LEGEND:
        yield from wrapped(Text(line, "dim"), width)


def list_json(rules: Mapping[str, Rule], groups: Mapping[str, str]) -> dict[str, Any]:
    """Return all rules as plain values."""
    return {"schema": SCHEMA_VERSION, "rules": [_values(rule, groups) for rule in _by_group(rules, groups)]}


def rule_json(rule: Rule, groups: Mapping[str, str]) -> dict[str, Any]:
    """Return one rule as plain values."""
    return {"schema": SCHEMA_VERSION} | _values(rule, groups)


def _by_group(rules: Mapping[str, Rule], groups: Mapping[str, str]) -> list[Rule]:
    order = list(dict.fromkeys(groups[name] for name in rules))
    return sorted(rules.values(), key=lambda rule: order.index(groups[rule.name]))


def _row(rule: Rule, room: int, width: int | None) -> Iterator[Text]:
    padded = rule.name if width is not None and width < room + _ENDS else f"{rule.name:<{room}}"
    level = (f"{rule.severity.value:<10}", STYLES[rule.severity])
    line = Text.assemble(f"  {padded}  ", level, f"  {WHO[rule.silencer]:<6}")
    if width is not None and width < room + _NARROW:
        yield from wrapped(line, width, 6)
        yield from wrapped(Text.assemble("      ", (rule.summary, "dim")), width, 6)
    else:
        line.append(f"  {rule.summary}")
        yield from wrapped(line, width, room + _ENDS)


def _values(rule: Rule, groups: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": rule.name,
        "group": groups[rule.name],
        "severity": rule.severity.value,
        "confidence": rule.confidence.value,
        "silenced_by": WHO[rule.silencer],
        "summary": rule.summary,
        "why": rule.why,
        "remedy": rule.remedy,
        "bad": [_example(example) for example in rule.bad],
        "good": [_example(example) for example in rule.good],
    }


def _example(example: Example) -> dict[str, str]:
    return {"caption": example.caption, "code": example.code}
