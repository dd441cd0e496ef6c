"""Which findings can be mended, and how: one fix each, computed from what the rules saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from theodore_plugin.finding import Finding, Severity
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.rules.context import RuleContext

SortKey = tuple[str, int, int, str, str]
MAX_FIXES = 300
"""Computed for one report, at a few milliseconds each; where there are more, the next round finds them."""
Fixes = Mapping[SortKey, Fix]
"""Fixes by the ``sort_key`` of the finding they mend: policies change severities, never what a finding says."""


def plan(findings: Iterable[Finding], rules: RuleContext) -> Fixes:
    """Compute the fixes of a source tree's findings. A wheel has none: what is packaged is not edited."""
    if rules.project.is_wheel:
        return {}
    context = FixContext(rules)
    planned = ((finding, fix_for(finding, context)) for finding in findings)
    offered = ((finding.sort_key, fix) for finding, fix in planned if fix is not None)
    return dict(islice(offered, MAX_FIXES))


def fix_for(finding: Finding, context: FixContext) -> Fix | None:
    """Return how ``finding`` is mended, or ``None`` where nothing mechanical does it."""
    from theodore_plugin.fixes.book import fixers

    fixer = fixers().get(finding.rule) if finding.severity is not Severity.INCOMPLETE else None
    if fixer is None or finding.source != "theodore":
        return None
    try:
        return fixer.fix(finding, context)
    except NoFix:
        return None
    except Exception:  # a fix is an offer: one that breaks is withdrawn, and the finding stays what it is
        return None
