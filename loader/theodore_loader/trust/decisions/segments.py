"""The files of the record, oldest first, each bounded in size and all of them in number."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from theodore_loader.regular_file import read_regular

MAX_SEGMENT = 4 << 20
"""An entry that would make a segment larger begins the next one, in bytes."""
KEPT = 16
"""How many segments are kept; the oldest is removed when one more begins."""
LARGEST = 2 * MAX_SEGMENT
"""More than a segment can hold: an entry is bounded, too (:mod:`.decision`)."""
_NAME = re.compile(r"([0-9]{8})\.jsonl")


@lru_cache(maxsize=64)
def segment_path(folder: Path, number: int) -> Path:
    """Return where a segment is."""
    return folder / f"{number:08d}.jsonl"


def read_segment(folder: Path, number: int) -> bytes:
    """Return what is in a segment. Raises OSError, also for a file that nothing was ever appended to."""
    return read_regular(segment_path(folder, number), LARGEST)


def number_of(path: Path) -> int:
    """Return the number of the segment at ``path``."""
    return int(path.stem)


def numbers(folder: Path) -> list[int]:
    """Return the numbers of the segments that are there, ascending."""
    try:
        with os.scandir(folder) as files:
            names = [_NAME.fullmatch(file.name) for file in files]
    except FileNotFoundError:
        return []
    return sorted(int(match[1]) for match in names if match)


def first_expected(newest: int) -> int:
    """Return the number of the oldest segment that must be there beside the ``newest``."""
    return max(1, newest - KEPT + 1)


def remove_old(folder: Path, newest: int) -> None:
    """Remove the segments that are no longer kept."""
    for number in numbers(folder):
        if number < first_expected(newest):
            segment_path(folder, number).unlink(missing_ok=True)
