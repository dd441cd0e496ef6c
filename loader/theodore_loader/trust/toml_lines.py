"""Where things are in a TOML file. ``tomllib`` gives values without positions, and a problem needs its line."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]")


class Lines:
    """Finds the lines of sections and keys. Only messages depend on it: a wrong guess never changes a decision."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._sections: dict[str, list[int]] = {}
        for number, line in enumerate(self._lines, 1):
            if name := _header(line):
                self._sections.setdefault(name, []).append(number)

    def section(self, name: str, index: int = 0) -> int:
        """Return the line of the ``index``-th ``[name]`` or ``[[name]]``, counted from 1; 1 if there is none."""
        found = self._sections.get(name, [])
        return found[index] if index < len(found) else 1

    def key(self, section: str, index: int, key: str) -> int:
        """Return the line of ``key`` inside a section, or of the section where the key is missing."""
        start = self.section(section, index)
        for number, line in enumerate(self._lines[start:], start + 1):
            if _header(line) is not None:
                break
            if re.match(rf"\s*{re.escape(key)}\s*=", line):
                return number
        return start


def _header(line: str) -> str | None:
    match = _HEADER.match(line)
    return match[2] if match else None
