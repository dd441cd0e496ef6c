"""What of a source tree would be shipped, copied as it is now: a worker imports one moment of the tree, not two.

A module that is imported late would otherwise be newer than the module that imports it.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path, PurePosixPath

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.project import PluginProject

MAX_BYTES = 512 * 1024 * 1024
"""Of a whole tree: each change makes another copy."""
_PIECE = 1024 * 1024
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def snapshot(project: PluginProject, folder: Path) -> Path:
    """Copy what would be shipped into a new folder below ``folder`` and return it: an import root.

    Raises:
        ConfigurationProblem: it is too large to be a plugin.
        OSError: a file vanished meanwhile, or the disk is full; nothing is left of the copy.

    """
    root = Path(tempfile.mkdtemp(prefix="tree-", dir=folder))
    python = {file.path: file.data for file in project.files}
    left = MAX_BYTES
    try:
        for path in dict.fromkeys((*python, *project.members)):
            target = root / _installed_at(path, project.package_roots)
            target.parent.mkdir(parents=True, exist_ok=True)
            data = python.get(path)
            left -= target.write_bytes(data) if data is not None else _copy(project.root / path, target, left)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    return root


def _installed_at(path: str, roots: tuple[str, ...]) -> PurePosixPath:
    """Return where a shipped file lies below ``site-packages``: its top-level package is at the top."""
    for root in roots:
        if path == root or path.startswith(f"{root}/"):
            return PurePosixPath(path).relative_to(PurePosixPath(root).parent)
    return PurePosixPath(path)


def _copy(path: Path, target: Path, most: int) -> int:
    """Copy a file and return its size. It was an ordinary file when the project was opened; now it may be anything."""
    with os.fdopen(os.open(path, _FLAGS), "rb") as file, target.open("wb") as copied:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no ordinary file any more", str(path))
        while piece := file.read(_PIECE):
            if max(status.st_size, file.tell()) > most:
                raise ConfigurationProblem(
                    f"{path}: what would be shipped is larger than {MAX_BYTES // 2**20} MiB",
                    help="leave data out of the package, and load it at run time",
                )
            copied.write(piece)
        return file.tell()
