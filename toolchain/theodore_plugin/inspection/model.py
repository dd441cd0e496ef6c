"""What a wheel and the files beside it say of themselves. None of it is evidence: nothing here was verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from theodore_plugin.inspection.bundles import BundleFacts

SCHEMA_VERSION = 1
"""Of the JSON form (``policies/schemas/inspection.schema.json``)."""


@dataclass(frozen=True, slots=True)
class WheelFacts:
    """The file: name, size in bytes, SHA-256, and the distribution it is of."""

    filename: str
    size: int
    sha256: str
    name: str
    version: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AskedPermission:
    """A permission the manifest asks for, and why."""

    permission: str
    reason: str
    required: bool


@dataclass(frozen=True, slots=True)
class PluginFacts:
    """The manifest."""

    description: str
    author: str
    homepage: str
    license: str
    category: str
    interfaces: tuple[str, ...]
    entry_point: str
    compatible_versions: str
    min_python_version: str
    max_python_version: str | None
    permissions: tuple[AskedPermission, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A bundle beside the wheel: what it is, and whom its certificate names on whose word."""

    kind: str
    identity: str
    issuer: str
    sha256: str
    about_this_wheel: bool


@dataclass(frozen=True, slots=True)
class VerdictFacts:
    """A verdict in a line: who says what, when, under which policy, and what did not run."""

    verifier: str
    result: str
    at: datetime
    policy: str
    policy_digest: str
    checks: int
    skipped: tuple[str, ...]
    sandbox: str
    source: str | None


@dataclass(frozen=True, slots=True)
class AuditFacts:
    """An audit in a line."""

    packages: int
    not_audited: tuple[str, ...]
    vulnerabilities: tuple[str, ...]
    data_from: str | None


@dataclass(frozen=True, slots=True)
class Dependency:
    """A locked distribution, and how many files of it the lock accepts."""

    name: str
    version: str
    files: int


@dataclass(frozen=True, slots=True)
class SbomFacts:
    """The SBOM inside the wheel, and whether the file beside it is the same (``None``: there is none)."""

    sha256: str
    components: tuple[str, ...]
    beside_is_same: bool | None


@dataclass(frozen=True, slots=True)
class UsageFacts:
    """What of the SDK the plugin uses."""

    symbols: tuple[str, ...]
    hooks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shipped:
    """One file of the wheel; ``size`` in bytes, unpacked."""

    name: str
    size: int
    native: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything. What is not there, or cannot be read, is ``None`` or empty, and ``problems`` say what and why."""

    wheel: WheelFacts
    plugin: PluginFacts | None
    signed: Claim | None
    statements: tuple[Claim, ...]
    origins: tuple[str, ...]
    verdicts: tuple[VerdictFacts, ...]
    audits: tuple[AuditFacts, ...]
    dependencies: tuple[Dependency, ...] | None
    sbom: SbomFacts | None
    api_usage: UsageFacts | None
    shipped: tuple[Shipped, ...]
    problems: tuple[str, ...]
    bundles: tuple[BundleFacts, ...]
    """The bundles themselves, the wheel's first, for those who want every field."""
