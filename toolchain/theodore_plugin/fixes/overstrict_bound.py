"""A range lets compatible releases in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.packages import bound_package, depend_differently
from theodore_plugin.rules.dependencies.locked import parsed

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import Specifier

RULE = "overstrict-bound"
SAFE = False
DOES = (
    "Bound by the next major version (of 0.x: the next minor one) instead, in `dependencies` and `required_packages`. "
    "Exclusions stay. Releases come in that you have not tried."
)


def fix(finding: Finding, context: FixContext) -> Fix:
    """Write the range from the lowest release on."""
    need = _need(finding, context)
    widened = _widened(need)
    extras = f"[{','.join(sorted(need.extras))}]" if need.extras else ""
    marker = f"; {need.marker}" if need.marker else ""
    line = f"{need.name}{extras}{widened}{marker}"
    edits = (depend_differently(context, need.name, line), *bound_package(context, need.name, widened))
    return Fix(RULE, SAFE, edits, f"admit {need.name}{widened}")


def _need(finding: Finding, context: FixContext) -> Requirement:
    wanted = canonicalize_name(finding.subject or "")
    found = [
        need
        for need in parsed(context.rules.project.table.get("dependencies", ()))
        if canonicalize_name(need.name) == wanted
    ]
    if len(found) != 1 or found[0].url:
        raise NoFix("the dependency stands in several places, or at an address")
    return found[0]


def _widened(need: Requirement) -> str:
    lowest = max(
        (item for item in need.specifier if item.operator in {">=", "==", "~=", "==="}), key=_version, default=None
    )
    if lowest is None:
        raise NoFix("there is no lower bound to start from")
    version = _version(lowest)
    bound = f"{version.major + 1}" if version.major else f"0.{version.minor + 1}"
    excluded = sorted(str(item) for item in need.specifier if item.operator == "!=")
    return ",".join([f">={lowest.version.removesuffix('.*')}", f"<{bound}", *excluded])


def _version(item: Specifier) -> Version:
    try:
        return Version(item.version.removesuffix(".*"))
    except InvalidVersion:
        raise NoFix(f"{item.version} is no version") from None
