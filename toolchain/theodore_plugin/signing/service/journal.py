"""The service's log: one JSON object a line on standard output, for whoever collects logs there.

Who asked for which certificate, where it stands in the log, and every refusal with its reason. Never a token: nothing
of a request gets here but checked claims, lengths and reasons.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

_MAX_VALUE = 2048


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes lines to ``stream``; several threads may use it."""

    stream: IO[str]
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def write(self, event: str, **values: Any) -> None:
        """Write one line, whole and flushed; raises OSError where that cannot be done."""
        shown = {key: value[:_MAX_VALUE] if isinstance(value, str) else value for key, value in values.items()}
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        # ASCII with escapes: no value can begin a line or steer a terminal
        line = json.dumps({"time": time, "event": event, **shown}, ensure_ascii=True) + "\n"
        with self._lock:
            self.stream.write(line)
            self.stream.flush()
