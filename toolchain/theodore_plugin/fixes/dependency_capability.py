"""What a dependency does is declared."""

from __future__ import annotations

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.declaring import DOES as DOES
from theodore_plugin.fixes.declaring import declared
from theodore_plugin.fixes.model import Fix

RULE = "dependency-capability"
SAFE = False


def fix(finding: Finding, context: FixContext) -> Fix:
    """Add the declaration."""
    return declared(RULE, finding, context)
