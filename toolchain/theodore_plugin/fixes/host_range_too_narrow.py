"""The range of hosts lets the next release in."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import text
from theodore_plugin.fixes.model import Fix, NoFix

RULE = "host-range-too-narrow"
SAFE = False
DOES = "End before the next major version. Hosts come in that you have not tried."


def fix(finding: Finding, context: FixContext) -> Fix:
    """Write the range from its lowest release to the next major version; exclusions stay."""
    known = SpecifierSet(context.rules.metadata.values["compatible_versions"].range_spec)
    starts = [item.version.removesuffix(".*") for item in known if item.operator in {"==", "===", ">=", "~=", ">"}]
    try:
        lowest = max(starts, key=Version, default=None)
    except InvalidVersion:
        lowest = None
    if lowest is None:
        raise NoFix("there is no lower bound to start from")
    excluded = sorted(str(item) for item in known if item.operator == "!=")
    new = ",".join([f">={lowest}", f"<{Version(lowest).major + 1}.0.0", *excluded])
    return Fix(RULE, SAFE, (text(context, "/compatible_versions/range_spec", new),), f"admit hosts {new}")
