"""No plugin reaches the host's own state: grants that would are refused, and its temporary folder ends with it.

The state folder holds the trust file, the key of the receipts, signing keys, the data of other plugins, and the
runtime that every worker executes *before* it is confined. Who writes there decides what this host runs. The kernel's
rules are a folder and everything below it, so a grant cannot leave the state folder out: it is refused as a whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path, PurePath

from theodore_loader.errors import Refused
from theodore_loader.permissions import Permission
from theodore_sdk.info import PermissionType

_NOWHERE = {"data": "/", "cache": "/", "tmp": "/"}
_OWN_FOLDER = ("r:{", "rw:{")


def refuse_reaching(state: Iterable[Path], grants: Iterable[Permission]) -> None:
    """Raise :class:`Refused` (``policy-denied``) for a grant by path that reaches a folder of ``state``.

    Reaching is: being such a folder, lying in it, or containing it; links are resolved as the kernel will. The
    plugin's own folders (``{data}`` and the like) lie there too, and are granted by name.
    """
    paths = [
        grant
        for grant in grants
        if grant.type is PermissionType.FILE_SYSTEM and not grant.pattern.startswith(_OWN_FOLDER)
    ]
    folders = [PurePath(os.path.realpath(folder)) for folder in state] if paths else []
    for grant in paths:
        root = PurePath(os.path.realpath(grant.landlock_root(_NOWHERE)))
        for folder in folders:
            if root.is_relative_to(folder) or folder.is_relative_to(root):
                raise Refused(
                    "policy-denied",
                    f"{grant} reaches {folder}, where this host keeps whom it believes and what it runs",
                    help="grant a folder beside it, or {data}; or move the state folder (THEODORE_PLUGIN_HOME)",
                )


def discard(folder: Path) -> None:
    """Remove what an ended plugin left in its temporary folder, as far as that can be done.

    :func:`shutil.rmtree` follows a tree down: one nested deeper than the interpreter recurses, or the process has
    descriptors, would end the host's call instead of the folder. Here every subfolder is first moved to the top.
    """
    with contextlib.suppress(OSError):
        _flatten(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _flatten(folder: Path) -> None:
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        numbers = count()
        pending = list(_subfolders(top))
        while pending:
            pending += _lift(top, pending.pop(), numbers)
    finally:
        os.close(top)


def _lift(top: int, name: str, numbers: Iterator[int]) -> list[str]:
    """Move the subfolders of ``name`` into ``top`` under fresh names, and return these."""
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    try:
        moved = []
        for below in _subfolders(inner):
            fresh = next(f"{number}.lifted" for number in numbers if not _exists(f"{number}.lifted", top))
            os.rename(below, fresh, src_dir_fd=inner, dst_dir_fd=top)
            moved.append(fresh)
        return moved
    finally:
        os.close(inner)


def _subfolders(descriptor: int) -> list[str]:
    with os.scandir(descriptor) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    for name in names:  # one that its maker could not enter is removed all the same
        os.chmod(name, 0o700, dir_fd=descriptor)
    return names


def _exists(name: str, descriptor: int) -> bool:
    try:
        os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
