"""What the worker tells its host unasked: log records and the audit hook's observations, both bounded."""

from __future__ import annotations

import logging
from collections.abc import Callable

from theodore_loader.channel.codec import MAX_BATCH, Access, Accesses, Log, truncated
from theodore_loader.sandbox.access import AccessRecord

MAX_WAITING = 4096


class AccessBatch:
    """Collects observations, equal ones as one with a count; :meth:`note` is safe inside an audit hook.

    It allocates and nothing else: no lock, no call that could raise an audit event of its own. ``source``, where there
    is one, is asked for what it has collected before each batch.
    """

    __slots__ = ("_dropped", "_waiting", "source")

    def __init__(self) -> None:
        self.source: Callable[[], None] | None = None
        self._waiting: dict[tuple[str, str, bool, str | None], list[float]] = {}
        self._dropped = 0

    def note(self, record: AccessRecord) -> None:
        """Remember one observation, or count it as dropped when too many wait."""
        key = (record.permission, record.resource, record.granted, record.location)
        seen = self._waiting.get(key)
        if seen is not None:
            seen[1] += record.count
        elif len(self._waiting) < MAX_WAITING:
            self._waiting[key] = [record.ts, record.count]
        else:
            self._dropped += record.count

    def lose(self, count: int) -> None:
        """Count observations that never came here."""
        self._dropped += count

    def waits(self) -> bool:
        """Return whether there is anything to take."""
        if self.source is not None:
            self.source()
        return bool(self._waiting or self._dropped)

    def take(self) -> list[Accesses]:
        """Return what waits, as frames, and forget it."""
        if not self.waits():
            return []
        waiting, self._waiting = self._waiting, {}
        dropped, self._dropped = self._dropped, 0
        records = [
            Access(
                ts=seen[0],
                permission=truncated(permission, 256),
                resource=truncated(resource),
                granted=granted,
                location=None if location is None else truncated(location),
                count=int(seen[1]),
            )
            for (permission, resource, granted, location), seen in waiting.items()
        ]
        batches = [tuple(records[start : start + MAX_BATCH]) for start in range(0, len(records), MAX_BATCH)]
        if dropped and not batches:
            batches = [()]
        return [Accesses(batch, dropped if number == 0 else 0) for number, batch in enumerate(batches)]


class ChannelHandler(logging.Handler):
    """Sends every record of the worker's loggers to the host; never raises into the plugin."""

    def __init__(self, send: Callable[[Log], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, cut to what a frame may hold."""
        try:
            text = truncated(self.format(record), 4096)
            self._send(Log(min(max(record.levelno, 0), 100), truncated(record.name, 256), text))
        except Exception:
            self.handleError(record)
