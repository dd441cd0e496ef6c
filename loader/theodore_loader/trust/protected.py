"""Reading and replacing the files a decision rests on: only their owner may be able to change them."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from theodore_loader.artifact.tree import flush_folder
from theodore_loader.errors import ConfigurationProblem


def read_protected(path: Path, limit: int) -> bytes:
    """Read a file that only this user or root can write, directory included; raises ConfigurationProblem otherwise.

    Raises FileNotFoundError for a missing file.
    """
    with path.open("rb") as file:
        _refuse_writable_by_others(os.fstat(file.fileno()), path)
        _refuse_writable_by_others(path.parent.stat(), path.parent)
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ConfigurationProblem(f"{path} is larger than {limit:,} bytes", help="this is not the file you meant")
    return data


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write ``path`` in one step: readers see the old content or the new, also after a power cut."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException as problem:
        temporary.unlink(missing_ok=True)
        name_file(problem, path)
        raise
    flush_folder(path.parent)


def name_file(problem: BaseException, path: Path) -> None:
    """Note ``path`` in an operating system error that names none: a full disk is met by a descriptor."""
    if isinstance(problem, OSError) and problem.filename is None:
        problem.filename = str(path)


def _refuse_writable_by_others(status: os.stat_result, path: Path) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise ConfigurationProblem(
            f"{path} belongs to another user (uid {status.st_uid}), who could change whom this host believes",
            help=f"chown {os.geteuid()} {path}",
        )
    # a sticky folder (/tmp) lets others add files, but not replace this one
    sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_mode & 0o022 and not sticky:
        raise ConfigurationProblem(
            f"{path} can be written by other users (mode {stat.S_IMODE(status.st_mode):04o}), "
            "who could change whom this host believes",
            help=f"chmod go-w {path}",
        )
