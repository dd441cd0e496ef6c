"""Keep an answer for :mod:`.replay`: atomically, privately, and not without end."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import private_dir
from theodore_plugin.cli import replay
from theodore_plugin.survey.witness import UNSEEN, Unwitnessed, witness

MAX_ANSWERS = 256
MAX_BYTES = 64 * 1024 * 1024
_CLOCK_NS = 50_000_000
"""How much older than the run a file must be to be sure it was read as it is: file systems round their times."""


def keep(
    asked: replay.Question, started_ns: int, inputs: Iterable[tuple[str, str]], code: int, out: str, err: str
) -> None:
    """Keep an answer that rests on ``inputs`` (kind and path), unless one of them changed while it was computed.

    A cache that cannot be written is no failure of the command: the answer is computed again next time.
    """
    try:
        witnesses = sorted({witness(kind, path) for kind, path in inputs})
        if any(_touched(path, started_ns - _CLOCK_NS) for kind, path, _ in witnesses if kind != "site"):
            return
        entry = replay.packed(asked.key, code, witnesses, out, err)
        if len(entry) <= replay.MAX_ENTRY_BYTES:
            _write(Path(asked.path), entry)
            _prune(Path(asked.folder))
    except (OSError, Unwitnessed, ConfigurationProblem):
        return


def _touched(path: str, since_ns: int) -> bool:
    """Whether a file, or anything in a folder, was changed after a moment (status time: it cannot be set back)."""
    pending = [path]
    while pending:
        current = pending.pop()
        try:
            status = os.lstat(current)
            if status.st_ctime_ns >= since_ns:
                return True
            if stat.S_ISDIR(status.st_mode):
                pending.extend(entry.path for entry in os.scandir(current) if entry.name not in UNSEEN)
        except FileNotFoundError:
            continue
    return False


def _write(path: Path, data: bytes) -> None:
    private_dir(path.parent)
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=".answer-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def _prune(folder: Path) -> None:
    """Remove the oldest answers beyond the bounds."""
    kept = sorted(
        ((entry.stat().st_mtime_ns, entry.stat().st_size, entry.path) for entry in os.scandir(folder)), reverse=True
    )
    total = 0
    for number, (_, size, path) in enumerate(kept, start=1):
        total += size
        if number > MAX_ANSWERS or total > MAX_BYTES:
            Path(path).unlink(missing_ok=True)
