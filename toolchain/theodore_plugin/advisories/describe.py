"""The local database as text and as JSON, for ``theodore-plugin advisories``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from theodore_loader.errors import NothingToDo
from theodore_loader.policy.model import Advisories, Policy
from theodore_plugin.advisories.age import age_of, too_old
from theodore_plugin.advisories.database import FRESH, About, Database
from theodore_plugin.report.visible import visible


@dataclass(frozen=True, slots=True)
class Status:
    """What is in place, and whether a policy's bound on its age holds."""

    about: About
    path: Path
    age_days: int
    fresh: bool
    policy: str
    bound: Advisories

    @classmethod
    def of(cls, path: Path, policy: Policy, now: datetime) -> Status:
        """Look at a database. Raises NothingToDo if there is none, ConfigurationProblem if it is damaged."""
        if not path.exists():
            raise NothingToDo(f"there is no local advisory database ({path})", help=FRESH)
        with Database(path) as database:
            about = database.about
        bound, date = policy.advisories, about.date
        return cls(about, path, age_of(date, now).days, not too_old(date, bound, now), policy.name, bound)


def imported_lines(about: About, *, changed: bool = True) -> Iterator[str]:
    """Yield what an import or update did."""
    if not changed:
        yield visible(f"unchanged: {about.source} still has the data in place, dated {about.date}")
        return
    yield visible(f"imported {about.records} advisories for {about.packages} packages from {about.source}")
    left_out = {"withdrawn": about.withdrawn, "of other ecosystems": about.foreign, "repeated": about.repeated}
    counted = ", ".join(f"{count} {name}" for name, count in left_out.items() if count)
    if counted:
        yield f"left out: {counted}"
    yield f"dated {about.date}  sha256:{about.digest}"
    yield "next: theodore-plugin check --advisories local"


def status_lines(status: Status) -> Iterator[str]:
    """Yield the status for people."""
    about = status.about
    yield visible(f"database   {status.path}")
    yield visible(f"source     {about.source}, imported {about.imported}")
    yield f"records    {about.records} advisories for {about.packages} packages"
    yield f"date       {about.date}, {status.age_days} days old"
    yield f"digest     sha256:{about.digest}"
    accepts = f"accepts {status.bound.max_age_days} days"
    if status.fresh:
        yield visible(f"policy     {status.policy} {accepts}: fresh enough")
    else:
        yield visible(
            f"policy     {status.policy} {accepts}: too old, which makes a check {_meaning(status.bound.on_stale)}"
        )
        yield "next: theodore-plugin advisories update"


def status_json(status: Status) -> str:
    """Return the status for programs."""
    about = asdict(status.about)
    bound = {"name": status.policy, "max_age_days": status.bound.max_age_days, "on_stale": status.bound.on_stale}
    document = {
        "path": str(status.path),
        **{key: about[key] for key in ("source", "imported", "records", "packages", "date", "digest")},
        "age_days": status.age_days,
        "fresh": status.fresh,
        "policy": bound,
    }
    return json.dumps(document, indent=2)


def _meaning(on_stale: str) -> str:
    return "warn" if on_stale == "warning" else "incomplete"
