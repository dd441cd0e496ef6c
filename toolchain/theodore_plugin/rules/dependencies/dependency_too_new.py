"""A locked file that was published only days ago."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.dependencies.lock_examples import SHA256, lock, package
from theodore_plugin.rules.dependencies.locked import Locked, files, read_locked


def _wheel(stated: str = "") -> str:
    return f'wheels = [{{ path = "httpx-0.28.1-py3-none-any.whl", {stated}hashes = {{ sha256 = "{SHA256}" }} }}]\n'


RULE = Rule(
    name="dependency-too-new",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="A locked file was uploaded less than the policy's number of days ago, or nobody says when.",
    why="Releases made with stolen credentials are mostly found, and taken down, within days. Who waits is spared. "
    "The time is the one the index stated when the lock was made; not every index states one (PEP 700), and then the "
    "policy says whether a check can be complete (`dependencies.on_unknown_age`).",
    remedy="Wait, or lock an older release: `theodore-plugin lock` takes none that is younger than the policy accepts.",
    bad=(
        Example(
            lock(package("httpx", files=_wheel("upload-time = 2999-01-01T00:00:00Z, "))), "published in the future"
        ),
        Example(lock(package("httpx", files=_wheel())), "the lock does not say when it was published"),
    ),
    good=(
        Example(lock(package("httpx", files=_wheel("upload-time = 2024-12-06T15:37:21Z, "))), "old enough"),
        Example("VALUE = 1\n", "no lock yet"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Compare the upload time of every locked wheel with the policy's bound; of each package the youngest counts."""
    age, locked = context.policy.dependencies, read_locked(context.project)
    if locked is None or not age.minimum_release_age_days:
        return
    bound = datetime.now(UTC) - timedelta(days=age.minimum_release_age_days)
    unknown = []
    for entry in locked.packages:
        times = {name: _uploaded(file) for name, file in files(entry)}
        known = {name: moment for name, moment in times.items() if moment is not None}
        if len(known) < len(times):
            unknown.append(entry)
        if known and known[youngest := max(known, key=lambda name: known[name])] > bound:
            yield _too_new(locked, entry, youngest, known[youngest], age.minimum_release_age_days)
    if unknown:
        severity = Severity.WARNING if age.on_unknown_age == "warning" else Severity.INCOMPLETE
        yield replace(_unknown(locked, unknown), severity=severity)


def _uploaded(file: Mapping[str, Any]) -> datetime | None:
    moment = file.get("upload-time")
    if not isinstance(moment, datetime):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _too_new(locked: Locked, entry: Mapping[str, Any], file: str, moment: datetime, days: int) -> Finding:
    name = str(entry.get("name"))
    text = f"{name} {entry.get('version')} was uploaded on {moment:%Y-%m-%d}, less than {days} days ago"
    return report(RULE, locked.locate(entry, file=file), text, subject=name)


def _unknown(locked: Locked, entries: list[Mapping[str, Any]]) -> Finding:
    names = [str(entry.get("name")) for entry in entries]
    some = f"{', '.join(names[:3])} and {len(names) - 3} more" if len(names) > 3 else ", ".join(names)
    return report(
        RULE,
        locked.locate(entries[0]),
        f"the lock does not say when files of {some} were uploaded, so their age is unknown",
        "Lock again: `theodore-plugin lock`, with an index that states upload times.",
    )
