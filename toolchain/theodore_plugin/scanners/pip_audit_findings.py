"""Vulnerabilities as they are reported: each once, whatever its names, at the line of the lock that pins the package.

One vulnerability has a record in several databases (PYSEC, GHSA, CVE), and each record names the others. All records
that are connected by a name are one vulnerability; it is reported under the name of the Python database where it has
one, and the fixed versions of all its records count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.version import Version

from theodore_plugin.advisories.affected import read_version
from theodore_plugin.finding import Confidence, Finding, Severity
from theodore_plugin.report.model import Vulnerability
from theodore_plugin.scanners.pins import Pin
from theodore_plugin.scanners.pip_audit_answer import Answer, Reported, short

if TYPE_CHECKING:
    from theodore_plugin.advisories.database import Advisory, Database

_DATABASES = ("PYSEC-", "GHSA-", "CVE-")
"""Whose name stands first."""


def vulnerabilities(pin: Pin, answer: Answer, database: Database | None = None) -> tuple[Vulnerability, ...]:
    """Return what affects a pin, sorted.

    An auditor passes on one record of those that name each other, and no severity; ``database`` has them all.
    """
    known = {found.id: found for found in database.affecting(pin.name, pin.version)} if database else {}
    unsaid = (Reported(found.id, found.aliases, found.summary, found.fixed) for found in known.values())
    groups = _connected((*answer.vulnerabilities, *unsaid))
    return tuple(sorted((_merged(pin, group, known) for group in groups), key=lambda found: found.id))


def findings(pin: Pin, found: Iterable[Vulnerability]) -> Iterator[Finding]:
    """Yield one finding for each vulnerability."""
    for vulnerability in found:
        yield _finding(pin, vulnerability)


def _finding(pin: Pin, found: Vulnerability) -> Finding:
    names = [found.id, *found.aliases]
    rating = f" ({found.severity})" if found.severity else ""
    return Finding(
        rule="known-vulnerability",
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        location=pin.location,
        message=f"{pin} has a known vulnerability{rating}, {_named(found)}: {found.summary or 'no description'}",
        help=f"{_way_out(found)}; see {found.url}",
        subject=f"{pin} {found.id}",
        related=tuple(f"pip-audit/{name}" for name in names),
        source="pip-audit",
    )


def _named(found: Vulnerability) -> str:
    cves = [name for name in found.aliases if name.startswith("CVE-")]
    return f"{found.id} ({', '.join(cves)})" if cves else found.id


def _way_out(found: Vulnerability) -> str:
    if not found.fixed:
        return "no fixed version is known: replace the package, or ask its authors"
    return f"fixed in {', '.join(found.fixed)}; lock again with that version or a later one"


def _connected(found: Iterable[Reported]) -> list[list[Reported]]:
    """Return the records in groups that share a name, directly or through others."""
    groups: list[tuple[set[str], list[Reported]]] = []
    for record in found:
        names, members = {record.id, *record.aliases}, [record]
        apart = []
        for other_names, others in groups:
            if names & other_names:
                names |= other_names
                members = [*others, *members]
            else:
                apart.append((other_names, others))
        groups = [*apart, (names, members)]
    return [members for _, members in groups]


def _merged(pin: Pin, group: list[Reported], known: dict[str, Advisory]) -> Vulnerability:
    records = sorted(group, key=lambda record: _rank(record.id))
    names = sorted({name for record in records for name in (record.id, *record.aliases)}, key=_rank)
    first = records[0].id
    descriptions = (short(record.description) for record in records)
    severities = (known[record.id].severity for record in records if record.id in known)
    return Vulnerability(
        id=first,
        aliases=tuple(name for name in names if name != first),
        summary=next((text for text in descriptions if text and text != "N/A"), ""),
        fixed=_later(pin, {version for record in records for version in record.fixed}),
        severity=next(filter(None, severities), ""),
        url=f"https://osv.dev/vulnerability/{quote(first, safe='')}",
    )


def _rank(name: str) -> tuple[int, str]:
    place = next((at for at, prefix in enumerate(_DATABASES) if name.startswith(prefix)), len(_DATABASES))
    return place, name


def _later(pin: Pin, versions: Iterable[str]) -> tuple[str, ...]:
    """Return the fixed versions that are an upgrade from the pin, ascending."""
    pinned = read_version(pin.version)
    readable = {text: version for text in versions if (version := read_version(text)) is not None}
    later = [text for text, version in readable.items() if pinned is None or version > pinned]
    return tuple(sorted(later, key=Version))
