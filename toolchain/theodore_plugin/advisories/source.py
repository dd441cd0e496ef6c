"""Where vulnerability data comes from: the online service, another OSV endpoint, a snapshot file, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.report.model import AdvisoryLabel


class Kind(Enum):
    """The four sources."""

    ONLINE = "online"
    OFF = "off"
    ENDPOINT = "endpoint"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class AdvisorySource:
    """The user's choice; ``where`` is a URL or a file for the kinds that need one."""

    kind: Kind = Kind.ONLINE
    where: str = ""

    @classmethod
    def parse(cls, text: str) -> AdvisorySource:
        """Read ``online``, ``off``, an ``http(s)`` URL, or the path of a ``.jsonl`` or ``.jsonl.gz`` file."""
        if text in {Kind.ONLINE.value, Kind.OFF.value}:
            return cls(Kind(text))
        if urlsplit(text).scheme in {"http", "https"}:
            return cls(Kind.ENDPOINT, text)
        if text.endswith((".jsonl", ".jsonl.gz")):
            return cls(Kind.SNAPSHOT, text)
        raise ConfigurationProblem(
            f"advisories: {text!r} is no source of vulnerability data",
            help="use `online`, `off`, the http(s) URL of an OSV query endpoint, or a .jsonl or .jsonl.gz snapshot",
        )

    @contextmanager
    def opened(self) -> Iterator[tuple[list[str], AdvisoryLabel]]:
        """Yield pip-audit's arguments for this source and the label for the report; serve a snapshot meanwhile."""
        if self.kind is Kind.ENDPOINT:
            yield _osv(self.where), AdvisoryLabel(self.where)
        elif self.kind is Kind.SNAPSHOT:
            from theodore_plugin.advisories.endpoint import serve
            from theodore_plugin.advisories.snapshot import Snapshot

            snapshot = Snapshot.load(Path(self.where))
            with serve(snapshot) as url:
                yield _osv(url), AdvisoryLabel(f"snapshot {snapshot.source}", snapshot.digest, snapshot.date)
        else:
            yield ["--vulnerability-service", "pypi"], AdvisoryLabel("PyPI vulnerability service, online")


ONLINE = AdvisorySource()
"""The default: the service pip-audit itself asks."""


def _osv(url: str) -> list[str]:
    return ["--vulnerability-service", "osv", "--osv-url", url]
