"""What nobody imports is no longer depended on."""

from __future__ import annotations

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.packages import depend_no_more, unlist_package

RULE = "unused-dependency"
SAFE = False
DOES = (
    "Remove the distribution from `dependencies` and `required_packages`. Some are used without being imported, by a "
    "plugin of another library, for one. A lock has to be made again."
)


def fix(finding: Finding, context: FixContext) -> Fix:
    """Take the distribution out of both lists."""
    name = finding.subject
    if name is None:
        raise NoFix("the finding names no distribution")
    return Fix(RULE, SAFE, (depend_no_more(context, name), *unlist_package(context, name)), f"drop {name}")
