"""Reading the files a decision rests on: only their owner may be able to change them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from theodore_loader.artifact.tree import read_all
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import refuse_writable_by_others
from theodore_loader.whole_file import name_file


def read_protected(path: Path | str, limit: int) -> bytes:
    """Read a file that only this user or root can write, directory included; raises ConfigurationProblem otherwise.

    Raises FileNotFoundError for a missing file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would be waited for without end
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise ConfigurationProblem(f"{path} is no regular file", help="this is not the file you meant")
        refuse_writable_by_others(status, path)
        folder = os.path.dirname(path) or "."  # noqa: PTH120 - a few microseconds, several times for every plugin
        refuse_writable_by_others(os.stat(folder), folder)  # noqa: PTH116 - the same
        data = read_all(descriptor, status.st_size, limit + 1)
    except OSError as problem:
        name_file(problem, path)
        raise
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise ConfigurationProblem(f"{path} is larger than {limit:,} bytes", help="this is not the file you meant")
    return data


def refuse_exposed(path: Path) -> None:
    """Raise ConfigurationProblem unless only this user or root can write ``path``, directory included."""
    refuse_writable_by_others(path.stat(), path)
    refuse_writable_by_others(path.parent.stat(), path.parent)


def file_state(status: os.stat_result) -> tuple[int, ...]:
    """Return what changes whenever a file is replaced, written to, or given another owner or mode.

    Not the number of its device, which may be another one after every mount.
    """
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
