"""What an author may silence, whatever the means: comments, a baseline or a table in the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from theodore_loader.policy.model import Policy
from theodore_plugin.finding import Rule, Silencer


@dataclass(frozen=True, slots=True)
class Licence:
    """Who may silence what: the rules, and the policy's exceptions for its own."""

    rules: Mapping[str, Rule]
    policy: Policy
    authors: bool = True
    """Whether authors silence anything of their own accord; under a registry's profile only what the policy grants."""

    def allows(self, rule: str) -> bool:
        """Return whether an author's word silences ``rule`` in this check."""
        return self.permits(rule) and (self.authors or rule in self.policy.suppressions)

    def permits(self, rule: str) -> bool:
        """Return whether an author may silence ``rule`` at all; a tool's own finding (``mypy/arg-type``) may be."""
        known = self.rules.get(rule)
        if known is None:
            return "/" in rule
        granted = known.silencer is Silencer.POLICY and rule in self.policy.suppressions
        return known.silencer is Silencer.INLINE or granted
