"""The version is the one of the distribution."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import text
from theodore_plugin.fixes.model import Fix, NoFix

RULE = "version-not-pep440"
SAFE = True
DOES = "Take the version over from `[project]`, if that has one that installers understand."


def fix(finding: Finding, context: FixContext) -> Fix:
    """Write the distribution's version."""
    version = context.rules.project.version
    try:
        Version(version or "")
    except InvalidVersion:
        raise NoFix("[project] has no version that could be taken over") from None
    return Fix(RULE, SAFE, (text(context, "/version", str(version)),), f"take version {version} over from [project]")
