"""Both descriptions of the plugin say what ``[project]`` says, which is what installers act by."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import text
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.packages import REQUIRED, depend, list_package, needs

RULE = "metadata-drift"
SAFE = True
DOES = (
    "Take version, description, licence and dependencies over from `[project]` into `get_plugin_info()`. Unsafe where "
    "more than a description changes: the plugin's name, by which hosts know it, and a dependency that only "
    "`required_packages` lists, which is added to `[project]`."
)
_FIELDS = ("name", "version", "description", "license")


def fix(finding: Finding, context: FixContext) -> Fix:
    """Find out which difference is reported, and remove it."""
    for field in _FIELDS:
        if finding.message.startswith(f"{field} is ") and finding.location == context.rules.where(f"/{field}"):
            return _taken_over(field, context)
    if finding.location.path == context.rules.project.project_file:
        return _listed(finding, context)
    return _package(finding, context)


def _taken_over(field: str, context: FixContext) -> Fix:
    wanted = context.rules.project.table.get(field)
    wanted = wanted.get("text") if isinstance(wanted, Mapping) else wanted
    if not isinstance(wanted, str):
        raise NoFix(f"[project] has no {field} of its own")
    edit = text(context, f"/{field}", wanted)
    return Fix(RULE, field != "name", (edit,), f"take {field} {wanted!r} over from [project]")


def _listed(finding: Finding, context: FixContext) -> Fix:
    for need, specifier in needs(context):
        if finding.message.startswith(f"{need.name} is a dependency in [project]"):
            edits = list_package(context, need.name, specifier)
            return Fix(RULE, SAFE, edits, f"add {need.name} to required_packages")
    raise NoFix("the dependency was not found again")


def _package(finding: Finding, context: FixContext) -> Fix:
    for number, item in enumerate(context.rules.metadata.values.get("required_packages", ())):
        pointer = f"{REQUIRED}/{number}"
        if context.rules.where(pointer) != finding.location:
            continue
        if finding.message.startswith(f"required_packages names {item.name},"):
            line = f"{item.name}{_valid(item.version_requirement)}"
            return Fix(RULE, False, (depend(context, line),), f"depend on {line}")
        for need, specifier in needs(context):
            if canonicalize_name(need.name) == canonicalize_name(item.name):
                edit = text(context, f"{pointer}/version_requirement", specifier)
                return Fix(RULE, SAFE, (edit,), f"take {item.name}{specifier} over from [project]")
    raise NoFix("the dependency was not found again")


def _valid(specifier: str) -> str:
    try:
        SpecifierSet(specifier)
    except InvalidSpecifier:
        raise NoFix(f"{specifier!r} is no version specifier") from None
    return specifier
