"""Reading a wheel and what lies beside it. The archive is read as strictly as a host would; the rest is optional.

A hostile wheel is refused with the rule a host would name. What lies beside it is read within the bounds a host has,
and what cannot be read is a problem that is told, never a guess.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from theodore_loader import strict_json
from theodore_loader.artifact.lock import read_lock
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import Refused
from theodore_loader.manifest import Manifest
from theodore_loader.permissions import PatternError, Permission
from theodore_loader.trust.attestations import lines
from theodore_loader.trust.files import MAX_SBOM, SignedFiles, read_signed
from theodore_loader.trust.provenance import Provenance, origins
from theodore_loader.trust.statements import Verdict
from theodore_loader.trust.vulnerabilities import Vulnerabilities
from theodore_plugin.inspection.bundles import BundleFacts, BundleUnreadable, read_bundle
from theodore_plugin.inspection.model import (
    AskedPermission,
    AuditFacts,
    Claim,
    Dependency,
    Inspection,
    PluginFacts,
    SbomFacts,
    Shipped,
    UsageFacts,
    VerdictFacts,
    WheelFacts,
)

_Found = TypeVar("_Found")
_MAX_USAGE = 4 << 20


def inspect(path: Path) -> Inspection:
    """Inspect the wheel at ``path``. Raises Refused for one no host would open, ConfigurationProblem for no file."""
    files = read_signed(path)
    return _Reading(files, Wheel.read(files.data, files.filename)).all()


class _Reading:
    """One wheel while it is read; ``problems`` grow on the way."""

    def __init__(self, files: SignedFiles, wheel: Wheel) -> None:
        self._files = files
        self._wheel = wheel
        self._problems: list[str] = []

    def all(self) -> Inspection:
        """Read everything."""
        wheel = self._wheel
        signed = self._bundle("the bundle", self._files.bundle)
        stated = tuple(self._stated())
        known = [one.predicate for one in stated if one.predicate is not None]
        return Inspection(
            wheel=WheelFacts(
                wheel.filename, len(wheel.data), wheel.sha256, wheel.name, wheel.version,
                tuple(sorted(map(str, wheel.tags))),
            ),
            plugin=self._try("the manifest", lambda: _plugin(wheel.manifest)),
            signed=self._claim(signed) if signed else None,
            statements=tuple(map(self._claim, stated)),
            origins=tuple(str(origin) for one in known if isinstance(one, Provenance) for origin in origins(one)),
            verdicts=tuple(_verdict(one) for one in known if isinstance(one, Verdict)),
            audits=tuple(_audit(one) for one in known if isinstance(one, Vulnerabilities)),
            dependencies=self._try("the lock", lambda: _dependencies(wheel.lock)),
            sbom=self._try("the SBOM", lambda: _sbom(wheel.sbom, self._files.sbom)),
            api_usage=self._try("the API usage", lambda: _usage(wheel.api_usage)),
            shipped=tuple(
                Shipped(name, len(data), name in wheel.native_files) for name, data in sorted(wheel.entries.items())
            ),
            problems=tuple(self._problems),
            bundles=(*([signed] if signed else []), *stated),
        )  # fmt: skip

    def _try(self, what: str, read: Callable[[], _Found | None]) -> _Found | None:
        try:
            return read()
        except Refused as problem:
            self._problems.append(f"{what}: {problem.message} ({problem.rule})")
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            self._problems.append(f"{what} cannot be read: {str(problem)[:200]}")
        return None

    def _bundle(self, what: str, data: bytes | None) -> BundleFacts | None:
        try:
            return read_bundle(data) if data is not None else None
        except BundleUnreadable as problem:
            self._problems.append(f"{what} beside the wheel: {problem}")
            return None

    def _stated(self) -> Iterator[BundleFacts]:
        data = self._files.attestations
        found = self._try("the attestations", lambda: lines(data)) if data else None
        for number, line in enumerate(found or [], 1):
            if facts := self._bundle(f"attestation {number}", line):
                yield facts

    def _claim(self, facts: BundleFacts) -> Claim:
        return Claim(facts.kind, facts.identity, facts.issuer, facts.sha256, self._is_about_this(facts))

    def _is_about_this(self, facts: BundleFacts) -> bool:
        """Tell whether a statement names this wheel; what a signature is over shows only when it is verified."""
        subjects = facts.statement.subject if facts.statement else []
        return [(one.name, one.digest.sha256) for one in subjects] == [(self._wheel.filename, self._wheel.sha256)]


def _plugin(manifest: Manifest) -> PluginFacts:
    info = manifest.info
    return PluginFacts(
        description=info.description,
        author=info.author,
        homepage=info.homepage,
        license=info.license,
        category=info.category.value,
        interfaces=tuple(info.interfaces),
        entry_point=manifest.entry_point,
        compatible_versions=str(info.compatible_versions),
        min_python_version=info.min_python_version,
        max_python_version=info.max_python_version,
        permissions=tuple(
            AskedPermission(_permission(one.type.value, one.pattern), one.description, one.required)
            for one in info.permissions
        ),
    )


def _permission(kind: str, pattern: str) -> str:
    try:
        return str(Permission.parse(kind, pattern))
    except PatternError:
        return f"{kind} {pattern}"


def _verdict(verdict: Verdict) -> VerdictFacts:
    extension = verdict.extension
    return VerdictFacts(
        verdict.verifier.id,
        verdict.verification_result,
        verdict.time_verified,
        verdict.policy.uri,
        verdict.policy.digest.sha256,
        len(extension.checks),
        tuple(extension.skipped),
        extension.sandbox,
        extension.source.kind if extension.source else None,
    )


def _audit(found: Vulnerabilities) -> AuditFacts:
    audit = found.audit or None
    packages = audit.packages if audit else []
    return AuditFacts(
        len(packages),
        tuple(f"{one.name} {one.version}".strip() for one in packages if one.status != "audited"),
        tuple(one.id for one in found.scanner.result),
        audit.database.date if audit and audit.database else None,
    )


def _dependencies(lock: bytes | None) -> tuple[Dependency, ...] | None:
    if lock is None:
        return None
    packages = read_lock(lock).packages
    return tuple(Dependency(str(one.name), str(one.version), len(one.wheels or ())) for one in packages)


def _sbom(inside: bytes | None, beside: bytes | None) -> SbomFacts | None:
    if inside is None:
        return None
    document = strict_json.loads(inside, max_bytes=MAX_SBOM)
    listed = [one for one in document.get("components", []) if isinstance(one, dict)]
    components = tuple(f"{one.get('name')} {one.get('version', '')}".strip() for one in listed)
    return SbomFacts(hashlib.sha256(inside).hexdigest(), components, None if beside is None else beside == inside)


def _usage(data: bytes | None) -> UsageFacts | None:
    if data is None:
        return None
    document: dict[str, Any] = strict_json.loads(data, max_bytes=_MAX_USAGE)
    symbols, hooks = document["symbols"], document["hooks"]
    if not all(isinstance(name, str) for name in (*symbols, *hooks)):
        raise ValueError("a name that is no text")
    return UsageFacts(tuple(symbols), tuple(hooks))
