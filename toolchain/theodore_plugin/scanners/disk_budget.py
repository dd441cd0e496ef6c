"""How much a tool may write in all. The kernel bounds one file (``RLIMIT_FSIZE``), not how many there are.

The folder is measured while the tool runs, and with it what the tool deleted and still holds open, where the system
shows that. The file system's free space is watched as well: a tool never gets the last of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from theodore_loader.sandbox.profile import MIB

MAX_BYTES = 256 * MIB
"""Of everything in one tool's scratch folder; mypy's cache of a large dependency tree was seen at 40 MiB."""
MAX_FILES = 10_000
FREE_BYTES = 128 * MIB
"""What is left free, or half of what was free when the tool started if that is less."""
_EVERY_SECONDS = 0.2


class DiskBudget(threading.Event):
    """Set when the tool has written too much, or when ``stop`` is set; ask :attr:`exceeded` which."""

    def __init__(self, folder: Path, stop: threading.Event) -> None:
        super().__init__()
        self.exceeded = ""
        """What was too much, in words to put after the tool's name; empty while all is well."""
        self._folder, self._stop = folder, stop
        self._floor = min(FREE_BYTES, _free(folder) // 2)
        self._measured = time.monotonic()

    def is_set(self) -> bool:
        """Return whether the tool must end; measures at most a few times a second."""
        if self._stop.is_set():
            return True
        if not self.exceeded and time.monotonic() - self._measured >= _EVERY_SECONDS:
            self.measure()
        return bool(self.exceeded)

    def measure(self) -> None:
        """Look now. Also for the end, because a tool may have been quick."""
        self.exceeded = self.exceeded or self._too_much()
        self._measured = time.monotonic()

    def _too_much(self) -> str:
        if _free(self._folder) < self._floor:
            return "was ended because the disk is nearly full"
        total = count = 0
        for size in chain(_sizes(str(self._folder)), _held_open(str(self._folder.resolve()))):
            total, count = total + size, count + 1
            if total > MAX_BYTES:
                return f"wrote more than {MAX_BYTES // MIB} MiB"
            if count > MAX_FILES:
                return f"wrote more than {MAX_FILES} files"
        return ""


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder.parent).free  # the tool may remove its folder, and not what that stands in


def _sizes(folder: str) -> Iterator[int]:
    """Yield the size of everything below a folder; what disappears meanwhile has none."""
    pending = [folder]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    yield max(status.st_size, status.st_blocks * 512)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:
            continue


def _held_open(folder: str) -> Iterator[int]:
    """Yield the size of every deleted file below a folder that a process of ours holds open; Linux tells."""
    for process in _descendants():
        for link in _entries(f"/proc/{process}/fd"):
            with contextlib.suppress(OSError):
                target = str(Path(link).readlink())
                if target.startswith(f"{folder}/") and target.endswith(" (deleted)"):
                    yield Path(link).stat().st_size


def _descendants() -> Iterator[str]:
    pending = ["self"]
    while pending:
        for task in _entries(f"/proc/{pending.pop()}/task"):
            with contextlib.suppress(OSError):
                children = Path(task, "children").read_text().split()
                pending += children
                yield from children


def _entries(folder: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name in os.listdir(folder)]  # noqa: PTH208 - numbers, read five times a second
    except OSError:
        return []
