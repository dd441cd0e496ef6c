"""A clean copy of a project to build from: its files as they are, without history, caches, secrets and leftovers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem

# Whatever lies in these is made by tools; a build that needs it is not reproducible.
_LEFT_OUT_ANYWHERE = frozenset({"__pycache__", "node_modules", "venv", "env"})
_LEFT_OUT_AT_THE_TOP = frozenset({"build", "dist"})
_LEFT_OUT_SUFFIXES = (".pyc", ".pyo", ".egg-info", ".egg", ".whl", ".sigstore.json", ".attestations.jsonl")
_MAX_FILES = 20_000
_MAX_BYTES = 512 * 1024 * 1024


def copy_sources(root: Path, target: Path, *, mtime: int | None = None, reverse: bool = False) -> None:
    """Copy the project at ``root`` to the empty folder ``target``; links are not followed but refused.

    ``mtime`` is when the copies say they were written, in seconds since 1970; ``reverse`` is the order of writing.

    Hidden files and folders stay behind (``.git``, ``.env``, ``.venv``, editors and caches keep theirs there), as
    do build outputs. Raises :class:`ConfigurationProblem` for links, special files and trees too large to be a plugin.
    """
    _copy_folder(root, target, _Copying(mtime, reverse), top=True)


def source_paths(root: Path) -> Iterator[Path]:
    """Iterate over the files :func:`copy_sources` would take, in path order; links are passed over."""
    for folder, names, files in os.walk(root):
        top = Path(folder) == root
        names[:] = sorted(name for name in names if not _left_out(Path(folder, name), top=top))
        for name in sorted(files):
            path = Path(folder, name)
            if not path.is_symlink() and path.is_file() and not _left_out(path, top=top):
                yield path


class _Copying:
    """How files are copied, and how much may still be."""

    def __init__(self, mtime: int | None, reverse: bool) -> None:
        self.mtime = mtime
        self.reverse = reverse
        self.files = _MAX_FILES
        self.bytes = _MAX_BYTES

    def spend(self, size: int) -> None:
        self.files -= 1
        self.bytes -= size
        if self.files < 0 or self.bytes < 0:
            raise ConfigurationProblem(
                f"the project holds more than {_MAX_FILES} files or {_MAX_BYTES // 2**20} MiB",
                help="move data and outputs out of the project folder",
            )

    def write(self, source: Path, target: Path) -> None:
        """Copy one file: its content, with a mode and a time that do not come from the project."""
        self.spend(source.stat().st_size)
        shutil.copyfile(source, target, follow_symlinks=False)
        target.chmod(0o644)
        if self.mtime is not None:
            os.utime(target, (self.mtime, self.mtime))


def _copy_folder(source: Path, target: Path, copying: _Copying, *, top: bool = False) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir(), reverse=copying.reverse):
        if _left_out(entry, top=top):
            continue
        if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
            raise ConfigurationProblem(
                f"{entry} is a link or special file; a wheel can hold neither", help="replace it by a copy"
            )
        if entry.is_dir():
            _copy_folder(entry, target / entry.name, copying)
        else:
            copying.write(entry, target / entry.name)


def _left_out(entry: Path, *, top: bool) -> bool:
    name = entry.name
    if name.startswith(".") or name.endswith(_LEFT_OUT_SUFFIXES):
        return True
    return entry.is_dir() and (name in _LEFT_OUT_ANYWHERE or (top and name in _LEFT_OUT_AT_THE_TOP))
