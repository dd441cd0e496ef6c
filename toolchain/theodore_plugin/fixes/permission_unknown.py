"""A permission is of the type that was probably meant."""

from __future__ import annotations

import re

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.imports import SDK, spelt
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.syntax import rewrite

RULE = "permission-unknown"
SAFE = False
DOES = "Write the nearest type there is: the plugin asks for it from then on."
_MEANT = re.compile(r"did you mean PermissionType\.(?P<name>\w+)\?")


def fix(finding: Finding, context: FixContext) -> Fix:
    """Replace the member, or the text that stands for one."""
    meant = _MEANT.match(finding.help or "")
    if meant is None:
        raise NoFix("no type has a name like it")
    place = finding.location
    spans = [node.span.at(place.path) for node in context.around(place, m.Attribute)]
    spans += [node.span.at(place.path) for node in context.around(place, m.Constant)]
    if place not in spans:
        raise NoFix("the type is written in another way")
    name, imports = spelt(context, context.facts(place.path), f"{SDK}.PermissionType")
    edit = rewrite(context.source(place.path), place, f"{name}.{meant['name']}")
    return Fix(RULE, SAFE, (edit, *imports), f"ask for {meant['name'].lower()}")
