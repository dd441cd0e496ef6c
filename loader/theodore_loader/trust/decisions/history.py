"""Reading the record, newest first. A line that cannot be read is left out here; :mod:`.chain` is for finding those."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from theodore_loader.trust.decisions import segments
from theodore_loader.trust.decisions.decision import Entry, parse_entry


def newest_first(home: Path, plugin: str | None = None) -> Iterator[Entry]:
    """Yield the entries of a state folder, all of them or those about one plugin. Raises OSError."""
    folder = home / "decisions"
    wanted = b"" if plugin is None else b'"plugin":' + json.dumps(plugin, ensure_ascii=False).encode()
    for number in reversed(segments.numbers(folder)):
        try:
            lines = segments.read_segment(folder, number).splitlines(keepends=True)
        except FileNotFoundError:
            return  # no longer kept, and so are all older ones
        # the search for bytes spares reading what is about other plugins
        entries = (parse_entry(line) for line in reversed(lines) if wanted in line)
        yield from (entry for entry in entries if entry and plugin in (None, entry.plugin))
