"""The range of hosts begins somewhere."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import text
from theodore_plugin.fixes.model import Fix

RULE = "host-range-missing"
SAFE = False
DOES = (
    "Begin with the oldest known host, and end before the next major version where no end is given. Which hosts the "
    "plugin works with is yours to say."
)


def fix(finding: Finding, context: FixContext) -> Fix:
    """Put the missing bounds before what is there."""
    known = context.rules.metadata.values["compatible_versions"].range_spec
    oldest = min((host.version for host in context.rules.catalogue.hosts), key=Version)
    ends = any(item.operator in {"<", "<="} for item in SpecifierSet(known))
    bounds = [f">={oldest}", *([] if ends else [f"<{Version(oldest).major + 1}.0.0"]), *([known] if known else [])]
    new = ",".join(bounds)
    return Fix(RULE, SAFE, (text(context, "/compatible_versions/range_spec", new),), f"admit hosts {new}")
