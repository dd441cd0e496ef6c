"""What a host lends to its workers, and the form in which their lines come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.broker.limits import NetworkLimits
from theodore_loader.supervise.launch import Launcher, Spawner

OnLog = Callable[["LogRecord"], None]


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line from a worker; ``source`` is ``stdout``, ``stderr`` or a logger's name. Text is data, never a format."""

    plugin: str
    source: str
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a host lends to its workers: where logs go, what they import, its services, variables, log and launcher.

    Without ``workers_from``, each worker is an interpreter of its own. ``authorities`` is a file of all certificate
    authorities to believe (``supervise/authorities.py``); without one, workers and host believe the system's.
    """

    logs: Path
    runtime: Path
    services: Mapping[str, object]
    environment: Mapping[str, str]
    on_log: OnLog
    workers_from: Launcher | None = None
    network: NetworkLimits = NetworkLimits()  # noqa: RUF009 - frozen
    authorities: Path | None = None

    @property
    def launcher(self) -> Launcher:
        """What starts the processes."""
        return self.workers_from or Spawner(self.runtime)
