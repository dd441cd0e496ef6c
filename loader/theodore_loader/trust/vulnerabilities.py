"""What was asked about known vulnerabilities of a wheel's locked dependencies, and what was answered.

Source: in-toto attestation predicate *Vulnerabilities* 0.2 (https://in-toto.io/attestation/vulns/v0.2). It lists what
was found and has no place for what was looked at, so an extension field, ``urn:theodore:vulns:1``, names every package
with what became of it: one that was skipped was not audited. The published schema is
``policies/schemas/vulnerabilities.schema.json``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from theodore_loader.trust.statements import AdvisoryDatabase, Camel, Statement, Strict, converted, zoned

VULNERABILITIES_TYPE = "https://in-toto.io/attestation/vulns/v0.2"
EXTENSION = "urn:theodore:vulns:1"


class Severity(Strict, frozen=True):
    """How bad by one method: ``cvss`` with a base score, or ``qualitative`` with a word."""

    method: str
    score: str


class Finding(Strict, frozen=True):
    """One vulnerability; ``annotations`` say of which package, its other names, and where it is fixed."""

    id: str
    severity: list[Severity]
    annotations: list[dict[str, str]] = msgspec.field(default_factory=list)


class Database(Camel, frozen=True):
    """The data that was asked: its digest, and the date of its newest record."""

    last_update: datetime
    uri: str | msgspec.UnsetType = msgspec.UNSET
    version: str | msgspec.UnsetType = msgspec.UNSET


class Scanner(Strict, frozen=True):
    """Who looked, in which data, and what was found. No ``db``: the data's date is not known (an online service)."""

    uri: str
    result: list[Finding]
    version: str | msgspec.UnsetType = msgspec.UNSET
    db: Database | msgspec.UnsetType = msgspec.UNSET


class ScanTimes(Camel, frozen=True):
    """Between which moments it was looked."""

    scan_started_on: datetime
    scan_finished_on: datetime


class AuditedPackage(Strict, frozen=True):
    """A locked package, and whether it was audited; ``reason`` says why not."""

    name: str
    version: str
    status: Literal["audited", "failed", "skipped"]
    reason: str = ""


class Audit(Strict, frozen=True):
    """The extension: which data was asked, and every package that was to be looked up."""

    database: AdvisoryDatabase | None
    packages: list[AuditedPackage]


class Vulnerabilities(Strict, frozen=True):
    """The predicate."""

    scanner: Scanner
    metadata: ScanTimes
    audit: Audit | msgspec.UnsetType = msgspec.field(name=EXTENSION, default=msgspec.UNSET)


def read_vulnerabilities(statement: Statement) -> Vulnerabilities:
    """Read a vulnerabilities statement; raises StatementInvalid."""
    found = converted(statement.predicate, Vulnerabilities)
    zoned("scanStartedOn", found.metadata.scan_started_on)
    zoned("scanFinishedOn", found.metadata.scan_finished_on)
    if found.scanner.db is not msgspec.UNSET:
        zoned("lastUpdate", found.scanner.db.last_update)
    return found
