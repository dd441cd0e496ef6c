"""Where lines and events of plugins go unless the host wants them: Python's logging, nothing in them believed."""

from __future__ import annotations

import logging

from theodore_loader.supervise.status import Event, EventKind
from theodore_loader.supervise.surroundings import LogRecord

_lines = logging.getLogger("theodore_loader.plugins")
_events = logging.getLogger("theodore_loader.supervise")

_LEVELS = {
    EventKind.CRASHED: logging.WARNING,
    EventKind.BACKOFF: logging.WARNING,
    EventKind.KEPT: logging.WARNING,
    EventKind.DOUBTED: logging.WARNING,
    EventKind.WARNED: logging.WARNING,
    EventKind.QUARANTINED: logging.ERROR,
    EventKind.REVOKED: logging.ERROR,
}


def log_line(record: LogRecord) -> None:
    """Log a plugin's line with everything that is not printable escaped: it must not forge a second record."""
    _lines.log(record.level, "%s %s: %s", record.plugin, printable(record.source), printable(record.text))


def log_event(event: Event) -> None:
    """Log what happened to a plugin, at a level that fits."""
    level = _LEVELS.get(event.kind, logging.INFO)
    detail = f": {printable(event.detail)}" if event.detail else ""
    _events.log(level, "%s %s %s%s", event.plugin, event.version, event.kind.value, detail)


def printable(text: str) -> str:
    """Return ``text`` with everything escaped that a terminal or a log reader could mistake."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
