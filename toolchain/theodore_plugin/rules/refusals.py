"""The rules under which hosts refuse, found by name without loading the rules of the static analysis."""

from __future__ import annotations

from theodore_plugin.finding import Rule
from theodore_plugin.rules.packaging.refusals import ARTIFACT_RULES
from theodore_plugin.rules.trust.refusals import TRUST_RULES


def refusal_rule(name: str) -> Rule | None:
    """Return the rule a host refused under; ``None`` if this version does not know it."""
    return next((rule for rule in (*TRUST_RULES, *ARTIFACT_RULES) if rule.name == name), None)
