"""An argument gets the name it was meant to have."""

from __future__ import annotations

import dataclasses
from difflib import get_close_matches

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.metadata.evaluate import CONSTRUCTORS
from theodore_sdk.info import PluginPermission, PluginResourceLimits

RULE = "unknown-manifest-field"
SAFE = True
DOES = "Write the nearest argument there is. Unsafe where it says what the plugin may do: permissions and limits."
ASKING = frozenset(
    {"permissions", "resource_limits", "provides"}
    | {field.name for kind in (PluginPermission, PluginResourceLimits) for field in dataclasses.fields(kind)}
)
"""Arguments that count from then on, and by which the plugin gets more or less than before."""


def fix(finding: Finding, context: FixContext) -> Fix:
    """Rename the keyword, if the right one is not there already."""
    for call in context.around(finding.location, m.Call):
        for argument in call.arguments:
            if argument.span.at(finding.location.path) == finding.location and argument.keyword:
                return _renamed(context, finding, call, argument.keyword)
    raise NoFix("the argument was not found again")


def _renamed(context: FixContext, finding: Finding, call: m.Call, keyword: str) -> Fix:
    kind = CONSTRUCTORS.get((m.dotted(call.callee) or "").rpartition(".")[2])
    if kind is None or not dataclasses.is_dataclass(kind):
        raise NoFix("the constructor is called by another name")
    near = get_close_matches(keyword, [field.name for field in dataclasses.fields(kind)], 1)
    if not near or any(argument.keyword == near[0] for argument in call.arguments):
        raise NoFix("no argument that is free has a name like it")
    source = context.source(finding.location.path)
    start, _ = source.extent(finding.location)
    if not source.text.startswith(keyword, start):
        raise NoFix("the name is spelt in another way than it is read")
    edit = source.replace(start, start + len(keyword), near[0])
    return Fix(RULE, near[0] not in ASKING, (edit,), f"call it {near[0]}")
