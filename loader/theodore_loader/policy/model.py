"""A policy as the rest of the program sees it: frozen, defaulted, every pattern parsed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from theodore_loader import strict_json
from theodore_loader.permissions import Permission
from theodore_sdk.info import PermissionType, PluginResourceLimits


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an allow or deny list: what, why, and where it stands (``default.yaml:12``)."""

    permission: Permission
    reason: str
    location: str


@dataclass(frozen=True, slots=True)
class PermissionRules:
    """What a policy says about one permission type; nothing at all means nothing is allowed.

    With ``refuse_overbroad`` an allowed ``*`` does not stand for over-broad requests; entries that name something
    speak for themselves.
    """

    allow: tuple[Entry, ...] = ()
    deny: tuple[Entry, ...] = ()
    refuse_overbroad: bool = True
    location: str = ""


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """How a rule's findings count: ``level`` is error, warning, notice or off; only enforced findings block."""

    level: str
    enforced: bool = True


@dataclass(frozen=True, slots=True)
class ScannerSetting:
    """Two answers about a scanner: whether its findings block, and whether its failure to run does."""

    enforced: bool = True
    required: bool = True


@dataclass(frozen=True, slots=True)
class ForbiddenPackage:
    """A distribution that may not appear anywhere among the dependencies; ``name`` is normalised (PEP 503)."""

    name: str
    reason: str
    location: str


@dataclass(frozen=True, slots=True)
class Advisories:
    """How old vulnerability data may be, and whether older data makes a check ``incomplete`` or draws a ``warning``."""

    max_age_days: int = 7
    on_stale: str = "incomplete"


@dataclass(frozen=True, slots=True)
class Policy:
    """What an organisation allows. The defaults are those of an empty policy: nothing allowed, everything required."""

    name: str
    description: str = ""
    permissions: Mapping[PermissionType, PermissionRules] = field(default_factory=dict)
    rules: Mapping[str, RuleSetting] = field(default_factory=dict)
    scanners: Mapping[str, ScannerSetting] = field(default_factory=dict)
    limits: PluginResourceLimits = field(default_factory=PluginResourceLimits)
    minimum_tier: str = "standard"
    suppressions: frozenset[str] = frozenset()
    """Rules reserved to the policy owner that authors may suppress all the same."""
    forbidden_packages: tuple[ForbiddenPackage, ...] = ()
    advisories: Advisories = field(default_factory=Advisories)
    verdict_max_age_days: int = 30
    digest: str = field(init=False)
    """SHA-256 (hex) of :meth:`decisions` in canonical JSON."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(strict_json.canonical(self.decisions())).hexdigest())

    def rules_for(self, kind: PermissionType) -> PermissionRules:
        """Return what the policy says about a permission type."""
        return self.permissions.get(kind, PermissionRules())

    def rule(self, name: str, level: str) -> RuleSetting:
        """Return the setting of a rule (or a tool's ``bandit/B602``), by default enforced at its own ``level``."""
        return self.rules.get(name, RuleSetting(level))

    def scanner(self, name: str) -> ScannerSetting:
        """Return the setting of a scanner, by default required and enforced."""
        return self.scanners.get(name, ScannerSetting())

    def decisions(self) -> dict[str, Any]:
        """Return everything that decides, as JSON values in one order; reasons and places are left out."""
        return {
            "name": self.name,
            "permissions": {kind.value: _decisions(self.rules_for(kind)) for kind in PermissionType},
            "rules": {name: asdict(setting) for name, setting in sorted(self.rules.items())},
            "scanners": {name: asdict(setting) for name, setting in sorted(self.scanners.items())},
            "limits": {name: float(value) for name, value in asdict(self.limits).items()},
            "minimum_tier": self.minimum_tier,
            "suppressions": sorted(self.suppressions),
            "forbidden_packages": sorted({package.name for package in self.forbidden_packages}),
            "advisories": asdict(self.advisories),
            "verdict": {"max_age_days": self.verdict_max_age_days},
        }


def _decisions(rules: PermissionRules) -> dict[str, Any]:
    return {
        "allow": sorted({entry.permission.pattern for entry in rules.allow}),
        "deny": sorted({entry.permission.pattern for entry in rules.deny}),
        "overbroad": "refuse" if rules.refuse_overbroad else "allow",
    }
