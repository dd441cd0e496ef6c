"""What a worker did and said, on its way to the access log and the host's log.

Who observed decides what a record is worth: the broker's are evidence, the audit hook's and the kernel's refusals are
what the worker tells. A record that cannot be written ends the worker: no record, no act.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from theodore_loader.broker.dial import Decision
from theodore_loader.channel import codec
from theodore_loader.errors import AccessNotRecorded, LoaderError
from theodore_loader.supervise import diagnosis
from theodore_loader.supervise.access_log import AccessLog
from theodore_loader.supervise.meter.volume import CHARACTERS_PER_SECOND, LogVolume
from theodore_loader.supervise.output import CapturedOutput
from theodore_loader.supervise.surroundings import LogRecord, OnLog
from theodore_sdk.errors import PluginPermissionError

MOST_AT_ONCE = 1_000_000
"""Largest count one record of a worker may claim."""
_SOURCES = ("host", "stdout", "stderr")


class Recorder:
    """One worker's records and lines. ``end`` is called with the reason when a record cannot be written.

    ``pid`` is set as soon as there is one: while a worker is exchanged, two of them write to one log. ``denials`` is
    called for every refusal with who refused and how often.
    """

    def __init__(self, plugin: str, log: AccessLog, on_log: OnLog, end: Callable[[LoaderError], None]) -> None:
        self._plugin = plugin
        self._access_log = log
        self._on_log = on_log
        self._end = end
        self.pid: int | None = None
        self._volume = LogVolume()
        self.denials: Callable[[str, int], None] = lambda _source, _count: None
        self.stdout = CapturedOutput(lambda line: self.said("stdout", logging.INFO, line))
        self.stderr = CapturedOutput(lambda line: self.said("stderr", logging.WARNING, line))

    def line(self, source: str, level: int, text: str) -> None:
        """Hand a line of the host's own about the worker to the host's log."""
        self._on_log(LogRecord(self._plugin, source, level, text))

    def said(self, source: str, level: int, text: str) -> None:
        """Hand a line of the worker's to the host's log, unless there has been too much of it."""
        if not self._volume.take(len(text), time.monotonic()):
            return
        if dropped := self._volume.take_dropped():
            limit = f"more than {CHARACTERS_PER_SECOND // 1024} KiB of log a second"
            self.line("host", logging.WARNING, f"{dropped} lines were dropped: {limit}")
        self.line(source, level, text)

    def log_frame(self, record: codec.Log) -> None:
        """Hand on a record of the plugin's loggers, none of which may pass for another source."""
        source = f"logger {record.logger}" if record.logger in _SOURCES else record.logger
        self.said(source, record.level, record.text)

    def dial(self, decision: Decision) -> None:
        """Record what the broker decided about a connection, or how one ended."""
        self._record(
            decision.permission,
            decision.resource,
            granted=decision.granted,
            source="broker",
            detail=decision.detail,
            location=decision.location,
            count=0 if decision.numbers else 1,
            numbers=decision.numbers,
        )

    def service(self, resource: str, granted: bool) -> None:
        """Record a call of a host service."""
        self._record("registry", resource, granted=granted, source="broker")

    def accesses(self, batch: codec.Accesses) -> None:
        """Record what the audit hook saw, a frame at a time: the host's other plugins wait for the disk once."""
        with self._or_end(), self._access_log.together():
            for seen in batch.records:
                self._note(
                    seen.permission,
                    seen.resource,
                    granted=seen.granted,
                    source="hook",
                    location=seen.location,
                    count=min(max(seen.count, 1), MOST_AT_ONCE),
                    ts=seen.ts,
                )

    def denied(self, denied: PluginPermissionError) -> None:
        """Record what the kernel refused; broker and hook have recorded their own refusals already."""
        if denied.enforced_by == "kernel":
            self._record(denied.permission, denied.resource, granted=False, source="kernel", location=denied.location)

    def last_words(self) -> str:
        """Return the last lines of standard error, as the end of a sentence."""
        return diagnosis.last_words(self.stderr.tail)

    def close(self) -> None:
        """Stop reading output."""
        self.stdout.close()
        self.stderr.close()

    def _record(self, permission: str, resource: str, **details: Any) -> None:
        with self._or_end():
            self._note(permission, resource, **details)

    def _note(self, permission: str, resource: str, **details: Any) -> None:
        if not details["granted"]:
            self.denials(details["source"], details.get("count", 1))
        self._access_log.record(permission, resource, worker=self.pid, **details)

    @contextmanager
    def _or_end(self) -> Iterator[None]:
        """End the worker when what the block records cannot be written."""
        try:
            yield
        except OSError as problem:  # a full disk must not hide what a plugin does
            reason = f"{self._plugin}: stopped, the access log cannot be written: {problem}"
            self._end(AccessNotRecorded(reason, help="make room where the log is written, then release the plugin"))
