"""Files that appear whole or not at all, readable by everybody: what a project hands on."""

from __future__ import annotations

from pathlib import Path

from theodore_loader.whole_file import replace_file


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write ``path`` in one step: on a full disk or an interrupt the old state stays and nothing is left over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, data, mode)
