"""Where vulnerability data comes from: an online service, the local database, a snapshot, an OSV endpoint, nowhere."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.regular_file import open_regular
from theodore_plugin.report.model import AdvisoryLabel

if TYPE_CHECKING:
    from theodore_plugin.advisories.database import Database

_SNAPSHOTS = (".jsonl", ".jsonl.gz", ".zip")


class Kind(Enum):
    """The five sources."""

    ONLINE = "online"
    OFF = "off"
    DATABASE = "local"
    ENDPOINT = "endpoint"
    SNAPSHOT = "snapshot"


WORDS = frozenset({Kind.ONLINE.value, Kind.OFF.value, Kind.DATABASE.value})
"""Sources that need no address; a project may choose among these for itself."""


@dataclass(frozen=True, slots=True)
class Service:
    """An opened source: pip-audit's arguments for it, the label for the report, and, for data on this machine, more.

    ``port`` is the one loopback port the auditor needs; ``None`` means the network. ``database`` is what stands
    behind it, and knows more of an advisory than an auditor passes on.
    """

    arguments: tuple[str, ...]
    label: AdvisoryLabel
    port: int | None = None
    database: Database | None = None


@dataclass(frozen=True, slots=True)
class AdvisorySource:
    """The user's choice; ``where`` is a URL or a file for the kinds that need one."""

    kind: Kind = Kind.ONLINE
    where: str = ""

    @classmethod
    def parse(cls, text: str) -> AdvisorySource:
        """Read ``online``, ``local``, ``off``, an ``http(s)`` URL, or the path of a snapshot file."""
        if text in WORDS:
            return cls(Kind(text))
        if urlsplit(text).scheme in {"http", "https"}:
            return cls(Kind.ENDPOINT, text)
        if text.endswith(_SNAPSHOTS):
            return cls(Kind.SNAPSHOT, text)
        raise ConfigurationProblem(
            f"advisories: {text!r} is no source of vulnerability data{_nearest(text)}",
            help="use `online`, `local` (theodore-plugin advisories), `off`, the http(s) URL of an OSV query endpoint, "
            "or a snapshot: .jsonl, .jsonl.gz or .zip",
        )

    def existing(self) -> AdvisorySource:
        """Return this source. Raises ConfigurationProblem for a snapshot that is not there, audited with or not."""
        if self.kind is Kind.SNAPSHOT and not Path(self.where).exists():
            from theodore_plugin.advisories.reading import HELP

            raise ConfigurationProblem(f"{self.where}: there is no such advisory snapshot", help=HELP)
        return self

    def fingerprint(self) -> str | None:
        """Return a text that changes when the data does; ``None`` for services, whose data changes unseen.

        Data that is not there has none either: what is wrong with it is said when it is opened.
        """
        if self.kind is Kind.OFF:
            return Kind.OFF.value
        if self.kind is Kind.SNAPSHOT:
            return _fingerprint_of_file(Path(self.where))
        return _fingerprint_of_database() if self.kind is Kind.DATABASE else None

    @contextmanager
    def opened(self) -> Iterator[Service]:
        """Yield the service, serving local data meanwhile. Raises ConfigurationProblem for data that is unusable."""
        if self.kind is Kind.ENDPOINT:
            yield Service(_osv(self.where), AdvisoryLabel(self.where), _loopback_port(self.where))
        elif self.kind in {Kind.SNAPSHOT, Kind.DATABASE}:
            with self._database() as database, _served(database, self._name(database)) as service:
                yield service
        else:
            yield Service(("--vulnerability-service", "pypi"), AdvisoryLabel("PyPI vulnerability service, online"))

    @contextmanager
    def _database(self) -> Iterator[Database]:
        from theodore_plugin.advisories.database import Database
        from theodore_plugin.advisories.snapshot import snapshot_database
        from theodore_plugin.advisories.store import database_path

        if self.kind is Kind.DATABASE:
            with Database(database_path()) as database:
                yield database
        else:
            with snapshot_database(Path(self.where)) as database:
                yield database

    def _name(self, database: Database) -> str:
        if self.kind is Kind.DATABASE:
            return f"local advisory database, from {database.about.source}"
        return f"snapshot {Path(self.where).name}"


ONLINE = AdvisorySource()
"""The default: the service pip-audit itself asks."""


@contextmanager
def _served(database: Database, name: str) -> Iterator[Service]:
    from theodore_plugin.advisories.endpoint import serve, url

    label = AdvisoryLabel(name, database.about.digest, database.about.date)
    with serve(database) as port:
        yield Service(_osv(url(port)), label, port, database)


def _osv(url: str) -> tuple[str, ...]:
    return "--vulnerability-service", "osv", "--osv-url", url


def _nearest(text: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(text.lower(), sorted(WORDS), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _loopback_port(url: str) -> int | None:
    """Return the port of an endpoint on this machine, if its address says so without being resolved."""
    parts = urlsplit(url)
    try:
        return parts.port or 80 if parts.scheme == "http" and parts.hostname == "127.0.0.1" else None
    except ValueError:
        return None


def _fingerprint_of_file(path: Path) -> str | None:
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            return f"snapshot {path.name} sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError:
        return None


def _fingerprint_of_database() -> str | None:
    from theodore_plugin.advisories.database import about
    from theodore_plugin.advisories.store import database_path

    try:
        found = about(database_path())
    except ConfigurationProblem:
        return None
    return f"database {found.source} {found.date} sha256:{found.digest}"
