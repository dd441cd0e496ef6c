"""What a plugin's folders hold, counted in small steps, because the tree may be made to hurt whoever looks at it.

Millions of files, endless nesting, links to elsewhere, folders that move away during the walk: a walk holds one
descriptor, opens every folder component by component without following links, stays within the file system it
started in, and does no more than a step's time at once. It ends early as soon as a bound is passed.

What counts are allocated blocks: a hole takes none, a second name for the same file takes no more. What is seen is a
walk, not a moment: a tree that is moved around while it is walked can be counted short, or twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from theodore_loader.errors import LimitExceeded
from theodore_loader.supervise.meter.usage import DiskLimit

STEP_SECONDS = 0.002
"""Time one step may take in the host's event loop."""
ENTRIES_A_LOOK = 64
"""Entries between two looks at the clock."""
LEAST_SECONDS = 0.1
"""No walk begins sooner after the last one."""
REST = 50
"""A walk that took a millisecond is followed by fifty of rest: two in a hundred at most go into looking."""
MEBIBYTE = 1024 * 1024
_THREAD_SECONDS = 0.5

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_Place = tuple[str, ...]
_Steps = Generator[bool, None, None]
"""One item for each entry that was counted."""


@dataclass(frozen=True, slots=True)
class Held:
    """What folders hold: allocated bytes, names, and the deepest nesting."""

    bytes: int = 0
    files: int = 0
    depth: int = 0

    def over(self, limit: DiskLimit) -> str:
        """Return which bound is passed, in words, or nothing."""
        if self.bytes > limit.bytes:
            return f"{self.bytes / MEBIBYTE:.1f} MiB on disk, {limit.bytes / MEBIBYTE:g} MiB are allowed"
        if self.files > limit.files:
            return f"{self.files} files, {limit.files} are allowed"
        if self.depth > limit.depth:
            return f"folders nested deeper than {limit.depth}"
        return ""


class Walk:
    """One walk over some folders. :meth:`step` until it says that it is done."""

    def __init__(self, folders: Mapping[str, Path], limit: DiskLimit) -> None:
        self._limit = limit
        self._entries = self._all(list(folders.values()))
        self._seen: set[tuple[int, int]] = set()
        self.bytes = self.files = self.depth = 0

    @property
    def held(self) -> Held:
        """What has been counted so far."""
        return Held(self.bytes, self.files, self.depth)

    def step(self, seconds: float = STEP_SECONDS, clock: Callable[[], float] = time.perf_counter) -> bool:
        """Go on for at most about ``seconds``; return whether the walk is done (at the end, or over a bound)."""
        until = clock() + seconds
        while clock() < until:
            for _ in range(ENTRIES_A_LOOK):
                if not next(self._entries, False):
                    return True
            if self.held.over(self._limit):
                self.close()
                return True
        return False

    def close(self) -> None:
        """Give up; closes the folder being read."""
        self._entries.close()

    def _all(self, folders: list[Path]) -> _Steps:
        for folder in folders:
            with contextlib.suppress(OSError):
                device = folder.lstat().st_dev
                yield from self._tree(folder, device)

    def _tree(self, root: Path, device: int) -> _Steps:
        pending: list[_Place] = [()]
        while pending and self.depth <= self._limit.depth:
            place = pending.pop()
            with contextlib.suppress(OSError):  # moved or removed since it was listed
                yield from self._folder(root, place, device, pending)

    def _folder(self, root: Path, place: _Place, device: int, pending: list[_Place]) -> _Steps:
        descriptor = _open(root, place)
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if self._count(entry, device):
                        pending.append((*place, entry.name))
                        self.depth = max(self.depth, len(place) + 1)
                    yield True
        finally:
            os.close(descriptor)

    def _count(self, entry: os.DirEntry[str], device: int) -> bool:
        """Add one entry; return whether it is a folder to walk."""
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return False
        self.files += 1
        if self._first_name(status):
            self.bytes += getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
        return stat.S_ISDIR(status.st_mode) and status.st_dev == device

    def _first_name(self, status: os.stat_result) -> bool:
        if status.st_nlink < 2 or stat.S_ISDIR(status.st_mode):
            return True
        identity = (status.st_dev, status.st_ino)
        if identity in self._seen:
            return False
        self._seen.add(identity)
        return True


def _open(root: Path, place: _Place) -> int:
    """Open a folder below ``root`` without following a link, wherever its path has been turned into one."""
    descriptor = os.open(root, _FOLDER)
    for name in place:
        try:
            inner = os.open(name, _FOLDER, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


class Allowance:
    """Time that all watches of a host may spend together: many plugins with large trees must not occupy its loop."""

    def __init__(self, share: float = 0.05, burst_seconds: float = 0.02) -> None:
        self._share, self._burst = share, burst_seconds
        self._left, self._then = burst_seconds, 0.0

    def is_left(self, now: float) -> bool:
        """Say whether another step may be taken at ``now``."""
        self._left = min(self._burst, self._left + max(0.0, now - self._then) * self._share)
        self._then = now
        return self._left > 0

    def spend(self, seconds: float) -> None:
        """Take what a step has cost."""
        self._left -= seconds


SHARED = Allowance()


class DiskWatch:
    """Walks a plugin's folders again and again, a step at each :meth:`look` for which ``allowance`` is left."""

    def __init__(self, folders: Mapping[str, Path], limit: DiskLimit, allowance: Allowance = SHARED) -> None:
        self._folders, self._limit = dict(folders), limit
        self._allowance = allowance
        self._walk: Walk | None = None
        self._cost = 0.0
        self._next = 0.0
        self.held = Held()

    def look(self, now: float, unlinked: int = 0) -> str:
        """Walk a little, if it is time to; return which bound is passed, or nothing.

        ``unlinked`` bytes of files without a name are added to what the last walk found.
        """
        if self._walk is None and now >= self._next:
            self._walk, self._cost = Walk(self._folders, self._limit), 0.0
        if self._walk is not None and self._allowance.is_left(now):
            self._go_on(self._walk, now)
        return replace(self.held, bytes=self.held.bytes + unlinked).over(self._limit)

    def _go_on(self, walk: Walk, now: float) -> None:
        started = time.perf_counter()
        done = walk.step()
        cost = time.perf_counter() - started
        self._allowance.spend(cost)
        self._cost += cost
        if done:
            self.held, self._walk = walk.held, None
            self._next = now + max(LEAST_SECONDS, REST * self._cost)

    def near(self, part: float) -> bool:
        """Say whether more than ``part`` of a bound was used at the last count."""
        return self.held.bytes > part * self._limit.bytes or self.held.files > part * self._limit.files

    def close(self) -> None:
        """Stop walking."""
        if self._walk is not None:
            self._walk.close()
            self._walk = None


async def refuse_full(name: str, folders: Mapping[str, Path], limit: DiskLimit) -> None:
    """Refuse to start a plugin whose folders hold more than they may. Takes one walk, which ``limit`` bounds.

    Raises:
        LimitExceeded: with the remedy.

    """
    walk = Walk(folders, limit)
    done = walk.step()
    while not done:
        done = await asyncio.to_thread(walk.step, _THREAD_SECONDS)
    if problem := walk.held.over(limit):
        raise LimitExceeded(
            "disk",
            f"{name} is not started: its folders hold {problem}",
            help=f"remove what it left in {', '.join(str(path) for path in folders.values())}, or raise the host's"
            " disk limit (PluginHost(disk=...))",
        )
