"""A policy as the rest of the program sees it: frozen, defaulted, every pattern parsed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Any

from theodore_loader import strict_json
from theodore_loader.permissions import Permission
from theodore_sdk.info import PermissionType, PluginCategory, PluginResourceLimits


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
    location: str = field(default="", compare=False)
    """Where the policy says so (``acme.yaml:12``); empty for a rule's own level."""


@dataclass(frozen=True, slots=True)
class ScannerSetting:
    """Three answers about a scanner: whether it runs, whether its findings block, and whether its failure does."""

    enforced: bool = True
    required: bool = True
    enabled: bool = True
    network: bool | None = None
    """Whether a definition from elsewhere than this policy may let it reach the network; not said means no."""
    definition: Mapping[str, Any] | None = None
    """How a scanner of the policy owner's own is run (``scanner_definition`` of the schema); the built-in ones have
    none."""


@dataclass(frozen=True, slots=True)
class ForbiddenPackage:
    """A distribution that may not appear anywhere among the dependencies; ``name`` is normalised (PEP 503)."""

    name: str
    reason: str
    location: str


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What the plugins of one category are held to *besides* the policy: it only takes away.

    Only types in ``permissions`` and limits in ``limits`` are held to anything.
    """

    permissions: Mapping[PermissionType, PermissionRules] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyException:
    """Findings accepted for one plugin (``plugin``, normalised) or one wheel (``sha256``) until the end of a day.

    ``path`` and ``subject`` are globs that narrow it; ``None`` leaves it wide.
    """

    rules: tuple[str, ...]
    reason: str
    owner: str
    until: date
    location: str
    plugin: str | None = None
    sha256: str | None = None
    path: str | None = None
    subject: str | None = None

    def concerns(self, plugin: str | None, sha256: str | None) -> bool:
        """Return whether it is about this plugin (normalised name) or these bytes."""
        if self.sha256 is not None:
            return self.sha256 == sha256
        return plugin is not None and self.plugin == plugin

    def covers(self, rule: str, path: str, subject: str | None) -> bool:
        """Return whether a finding of ``rule`` at this place is meant."""
        fits = self.path is None or fnmatchcase(path, self.path)
        about = self.subject is None or fnmatchcase(subject or "", self.subject)
        return rule in self.rules and fits and about


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One question to the policy it stands in, and the answer it is meant to give (``policy_tests.py``)."""

    asks: Mapping[str, Any]
    expect: str | float
    location: str


@dataclass(frozen=True, slots=True)
class Advisories:
    """How old vulnerability data may be, and whether older data makes a check ``incomplete`` or draws a ``warning``."""

    max_age_days: int = 7
    on_stale: str = "incomplete"


@dataclass(frozen=True, slots=True)
class DependencyAge:
    """How many days a release must have been out before a lock takes it (0: none), and what an unknown age means.

    Malicious releases are mostly found, and taken down, within days. ``on_unknown_age`` is ``incomplete`` or
    ``warning``: not every index says when a file was uploaded (PEP 700).
    """

    minimum_release_age_days: int = 0
    on_unknown_age: str = "incomplete"


@dataclass(frozen=True, slots=True)
class Policy:
    """What an organisation allows. The defaults are those of an empty policy: nothing allowed, everything required."""

    name: str
    description: str = ""
    permissions: Mapping[PermissionType, PermissionRules] = field(default_factory=dict)
    rules: Mapping[str, RuleSetting] = field(default_factory=dict)
    scanners: Mapping[str, ScannerSetting] = field(default_factory=dict)
    limits: PluginResourceLimits = field(default_factory=PluginResourceLimits)
    network_limits: Mapping[str, float] = field(default_factory=dict)
    """Bounds for each plugin's connections (``broker/limits.py``), as far as the policy says anything about them."""
    minimum_tier: str = "standard"
    first_installation: str = "automatic"
    """Whether a plugin that was never installed here needs somebody's ``consent``."""
    suppressions: frozenset[str] = frozenset()
    """Rules reserved to the policy owner that authors may suppress all the same."""
    forbidden_packages: tuple[ForbiddenPackage, ...] = ()
    categories: Mapping[PluginCategory, Ceiling] = field(default_factory=dict)
    audiences: Mapping[str, Mapping[str, RuleSetting]] = field(default_factory=dict)
    exceptions: tuple[PolicyException, ...] = ()
    tests: tuple[PolicyTest, ...] = field(default=(), compare=False)
    places: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where each key stands: ``limits.max_memory_mb`` -> ``acme.yaml:12``."""
    advisories: Advisories = field(default_factory=Advisories)
    dependencies: DependencyAge = field(default_factory=DependencyAge)
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

    def ceiling(self, category: PluginCategory | None) -> Ceiling:
        """Return what the plugins of a category are held to besides; nothing for ``None`` or one that is not named."""
        return self.categories.get(category, Ceiling()) if category else Ceiling()

    def place(self, *path: str) -> str:
        """Return where a key stands, or the nearest one around it, or the policy's name for what is built in."""
        for length in range(len(path), 0, -1):
            found = self.places.get(".".join(path[:length]))
            if found:
                return found
        return self.name

    def for_audience(self, audience: str | None) -> Policy:
        """Return the policy with one audience's levels in place; itself where that changes nothing.

        The result has its own digest: a verdict under softer levels never passes for one under the policy as written.
        """
        remapped = self.audiences.get(audience, {}) if audience else {}
        if not remapped:
            return self
        return replace(self, rules={**self.rules, **remapped}, audiences={})

    def changes_on(self, today: date) -> date | None:
        """Return the first day from which the same check may say something else, because an exception has ended."""
        ends = [one.until + timedelta(days=1) for one in self.exceptions if one.until >= today]
        return min(ends, default=None)

    def scanner(self, name: str) -> ScannerSetting:
        """Return the setting of a scanner, by default required and enforced."""
        return self.scanners.get(name, ScannerSetting())

    def decisions(self) -> dict[str, Any]:
        """Return everything that decides, as JSON values in one order; reasons and places are left out."""
        return {
            "name": self.name,
            "permissions": {kind.value: _decisions(self.rules_for(kind)) for kind in PermissionType},
            "categories": {kind.value: _ceiling(ceiling) for kind, ceiling in sorted(self.categories.items())},
            "rules": _settings(self.rules),
            "audiences": {name: {"rules": _settings(rules)} for name, rules in sorted(self.audiences.items())},
            "scanners": {name: _scanner_decisions(setting) for name, setting in sorted(self.scanners.items())},
            "limits": {name: float(value) for name, value in asdict(self.limits).items()},
            "minimum_tier": self.minimum_tier,
            "first_installation": self.first_installation,
            "suppressions": {"allow": sorted(self.suppressions)},
            "exceptions": sorted((_exception(one) for one in self.exceptions), key=strict_json.canonical),
            "forbidden_packages": sorted({package.name for package in self.forbidden_packages}),
            "advisories": asdict(self.advisories),
            "dependencies": asdict(self.dependencies),
            "verdict": {"max_age_days": self.verdict_max_age_days},
            **self._bounds(),
        }

    def _bounds(self) -> dict[str, Any]:
        """Return what only some policies say: the others keep the digest they have."""
        bounds = {name: float(most) for name, most in sorted(self.network_limits.items())}
        return {"network_limits": bounds} if bounds else {}


def _settings(rules: Mapping[str, RuleSetting]) -> dict[str, Any]:
    return {name: {"level": one.level, "enforced": one.enforced} for name, one in sorted(rules.items())}


def _ceiling(ceiling: Ceiling) -> dict[str, Any]:
    permissions = {kind.value: _decisions(rules) for kind, rules in sorted(ceiling.permissions.items())}
    return {"permissions": permissions, "limits": {name: float(most) for name, most in sorted(ceiling.limits.items())}}


def _exception(one: PolicyException) -> dict[str, Any]:
    narrowed = {"plugin": one.plugin, "sha256": one.sha256, "path": one.path, "subject": one.subject}
    given = {name: value for name, value in narrowed.items() if value is not None}
    return {**given, "rules": sorted(one.rules), "until": one.until.isoformat()}


def _scanner_decisions(setting: ScannerSetting) -> dict[str, Any]:
    return {name: value for name, value in asdict(setting).items() if value is not None}


def _decisions(rules: PermissionRules) -> dict[str, Any]:
    return {
        "allow": sorted({entry.permission.pattern for entry in rules.allow}),
        "deny": sorted({entry.permission.pattern for entry in rules.deny}),
        "overbroad": "refuse" if rules.refuse_overbroad else "allow",
    }
