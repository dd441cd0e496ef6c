"""What a host lends to its workers, and the form in which their lines come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

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
    """What a host lends to its workers: where logs go, what they import, its services, variables and log."""

    logs: Path
    runtime: Path
    services: Mapping[str, object]
    environment: Mapping[str, str]
    on_log: OnLog
