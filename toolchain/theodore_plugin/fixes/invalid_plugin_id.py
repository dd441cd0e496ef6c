"""The plugin is called as its distribution is, in normal form."""

from __future__ import annotations

from packaging.utils import canonicalize_name

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import text
from theodore_plugin.fixes.model import Fix, NoFix

RULE = "invalid-plugin-id"
SAFE = False
DOES = "Write the name in normal form. Hosts, trust files and registries know a plugin by its name."


def fix(finding: Finding, context: FixContext) -> Fix:
    """Normalise the name, if that makes it one."""
    name = canonicalize_name(str(context.rules.metadata.values.get("name", "")))
    if finding.help != f'use "{name}"' or canonicalize_name(context.rules.project.name or "") != name:
        raise NoFix("the name in normal form is no plugin name either, or not that of the distribution")
    return Fix(RULE, SAFE, (text(context, "/name", name),), f"call it {name}")
