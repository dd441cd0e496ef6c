"""Every checkpoint a tree ever issued, in a file of its own beside the log.

One signed note a line, as a JSON string, appended and flushed before anybody sees the checkpoint. The file only grows.
A log that is older than its last line was put back or cut; :mod:`log` then refuses to go on, and :mod:`audit` holds the
log against every line.
"""

from __future__ import annotations

import base64
import binascii
import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.regular_file import open_regular
from theodore_loader.whole_file import name_file, write_new

_RESTORE = "put the folder back from its newest backup; if there is none: theodore-plugin trust rotate"
_TAIL_BYTES = 1 << 13
"""Some twenty lines: far more than processes can be between committing an entry and noting its checkpoint."""


@dataclass(frozen=True, slots=True)
class Head:
    """A tree's size and root hash at one moment."""

    size: int
    root: bytes


class Issued:
    """The checkpoints of the tree named ``origin``. Lines may be out of order by as many processes as sign at once."""

    def __init__(self, path: Path, origin: str) -> None:
        self.path = path
        self.origin = origin

    def create(self) -> None:
        """Create the file, readable by its owner only. The first line says whose checkpoints these are."""
        write_new(self.path, self._first_line)

    def add(self, note: str) -> None:
        """Keep a signed checkpoint for good. Raises OSError, naming the file, or as :meth:`last`."""
        with self._opened(os.O_RDWR | os.O_APPEND) as descriptor:
            # The first line end closes a line that a power cut has torn.
            line = f"\n{json.dumps(note)}\n".encode()
            if os.write(descriptor, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            os.fsync(descriptor)

    def last(self) -> Head | None:
        """Return the largest head among the latest lines; raises ConfigurationProblem unless the file is ours."""
        with self._opened(os.O_RDONLY) as descriptor:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            start = max(0, end - _TAIL_BYTES)
            lines = os.pread(descriptor, end - start, start).split(b"\n")
        heads = [_head(note) for line in lines if (note := _note(line)) is not None]
        return max(heads, key=lambda head: head.size, default=None)

    def notes(self) -> Iterator[str | None]:
        """Yield every checkpoint in the order of the file, ``None`` for a line that is none."""
        with self._opened(os.O_RDONLY) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            file.seek(len(self._first_line))
            for line in file:
                if line.strip():
                    yield _note(line)

    @contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        """Lend a descriptor. Whatever happens to the folder meanwhile, it stays the file whose first line was read."""
        try:
            descriptor = open_regular(self.path, flags)
        except FileNotFoundError:
            raise ConfigurationProblem(
                f"{self.path} is missing: what the transparency log has promised is not known", help=_RESTORE
            ) from None
        try:
            if os.pread(descriptor, len(self._first_line), 0) != self._first_line:
                raise ConfigurationProblem(
                    f"{self.path} holds checkpoints of another log than {self.origin}",
                    help="if the instance was rotated just now, run the command again; else restore the folder",
                )
            yield descriptor
        except OSError as problem:
            name_file(problem, self.path)
            raise
        finally:
            os.close(descriptor)

    @property
    def _first_line(self) -> bytes:
        return json.dumps({"checkpoints-of": self.origin}).encode() + b"\n"


def _note(line: bytes) -> str | None:
    try:
        note = json.loads(line)
        _head(note)
    except (ValueError, TypeError, IndexError, AttributeError, RecursionError):
        return None
    return str(note)


def _head(note: str) -> Head:
    """Return what a note says, whoever signed it; raises ValueError or IndexError for one that says nothing."""
    lines = note.split("\n")
    try:
        return Head(int(lines[1]), base64.b64decode(lines[2], validate=True))
    except binascii.Error as error:
        raise ValueError("the root hash is not base64") from error
