"""The kernel's mount interface (``man 2 open_tree``, ``fsmount``, ``mount_setattr``), as a private root needs it.

Mounts are made detached, restricted while nobody can reach them, and attached last. Every function raises OSError
when the kernel refuses. All of this is older than Landlock (Linux 5.12).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping

from theodore_loader.sandbox import libc

READ_ONLY, NO_SET_ID, NO_DEVICES, NO_EXECUTION = 1, 2, 4, 8  # MOUNT_ATTR_*

_HERE = -100 & 0xFFFFFFFFFFFFFFFF  # AT_FDCWD
_OPEN_TREE_CLONE = 1
_EMPTY_PATH, _RECURSIVE = 0x1000, 0x8000
_FROM_DESCRIPTOR = 0x4  # MOVE_MOUNT_F_EMPTY_PATH
_SET_STRING, _CREATE = 1, 6  # FSCONFIG_*
_CLOSE_ON_EXEC = 1  # FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC
_PRIVATE = 1 << 18  # MS_PRIVATE
_DETACH = 2  # MNT_DETACH
_NOTHING, _DOT = b"\0", b".\0"


def make_private() -> None:
    """Let no mount of this namespace reach another, nor the other way."""
    _set_attributes(_HERE, b"/\0", _RECURSIVE, propagation=_PRIVATE)


def clone(path: str, attributes: int) -> int:
    """Return a detached copy of what is visible at ``path`` and below, restricted; a descriptor."""
    descriptor = libc.syscall("open_tree", _HERE, _text(path), _OPEN_TREE_CLONE | os.O_CLOEXEC | _RECURSIVE)
    try:
        _set_attributes(descriptor, _NOTHING, _EMPTY_PATH | _RECURSIVE, attributes)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def memory(attributes: int, options: Mapping[str, str]) -> int:
    """Return a new, detached tmpfs (``man 5 tmpfs`` has the options); a descriptor."""
    context = libc.syscall("fsopen", b"tmpfs\0", _CLOSE_ON_EXEC)
    try:
        for key, value in options.items():
            libc.syscall("fsconfig", context, _SET_STRING, _text(key), _text(value), 0)
        libc.syscall("fsconfig", context, _CREATE, None, None, 0)
        return libc.syscall("fsmount", context, _CLOSE_ON_EXEC, attributes)
    finally:
        os.close(context)


def attach(descriptor: int, path: str, *, below: int | None = None) -> None:
    """Attach a detached mount at ``path``, relative to the folder ``below`` if that is given."""
    folder = _HERE if below is None else below
    libc.syscall("move_mount", descriptor, _NOTHING, folder, _text(path), _FROM_DESCRIPTOR)


def make_read_only(descriptor: int) -> None:
    """Make one mount, and none below it, read-only."""
    _set_attributes(descriptor, _NOTHING, _EMPTY_PATH, READ_ONLY)


def become_root(descriptor: int) -> None:
    """Make an attached mount the root of this process and detach everything else, for good."""
    os.fchdir(descriptor)
    libc.syscall("pivot_root", _DOT, _DOT)
    libc.syscall("umount2", _DOT, _DETACH)
    os.chdir("/")


def _set_attributes(folder: int, path: bytes, flags: int, attributes: int = 0, propagation: int = 0) -> None:
    wanted = struct.pack("=QQQQ", attributes, 0, propagation, 0)
    libc.syscall("mount_setattr", folder, path, flags, wanted, len(wanted))


def _text(value: str) -> bytes:
    return os.fsencode(value) + b"\0"
