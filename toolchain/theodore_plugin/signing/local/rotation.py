"""Replacing an instance by a new one in place, in steps of which any may be the last before the power fails.

::

    .<name>.next        the successor, complete: the rotation is decided
    .<name>.old-…       a predecessor: its logs and its trusted root, no keys

While there is a successor, :func:`finish` sets the folder aside, destroys its keys and renames the successor into its
place. Whoever opens the instance does so first, under the lock of :func:`changing`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from theodore_loader.paths import private_dir
from theodore_loader.regular_file import read_regular
from theodore_loader.trust.trust_file import MAX_ROOT_BYTES
from theodore_loader.whole_file import flush_folder
from theodore_plugin.signing.local.keyfiles import destroy_keys


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Hold the one lock under which the instance of ``folder`` is created or replaced."""
    private_dir(folder.parent)
    with FileLock(folder.parent / f".{folder.name}.lock", mode=0o600):
        yield


def unfinished(folder: Path) -> bool:
    """Tell whether a rotation was decided and not carried through."""
    return _successor(folder).is_dir()


def decide(folder: Path, built: Path) -> None:
    """Make ``built`` the successor of ``folder``: from here on the rotation only goes forward."""
    built.rename(_successor(folder))
    flush_folder(folder.parent)


def finish(folder: Path) -> None:
    """Carry a decided rotation through; does nothing if there is none."""
    successor = _successor(folder)
    if not successor.is_dir():
        return
    if folder.is_dir():
        folder.rename(folder.with_name(f".{folder.name}.old-{secrets.token_hex(6)}"))
    for predecessor in predecessors(folder):
        destroy_keys(predecessor)
    successor.rename(folder)
    flush_folder(folder.parent)


def predecessors(folder: Path) -> Sequence[Path]:
    """Return the folders of those that were replaced."""
    return sorted(folder.parent.glob(f".{folder.name}.old-*"))


def replaced_documents(folder: Path) -> list[bytes]:
    """Return the trusted roots of those that were replaced, as far as they can be read."""
    found = []
    for predecessor in predecessors(folder):
        with suppress(OSError):
            found.append(read_regular(predecessor / "trusted_root.json", MAX_ROOT_BYTES))
    return found


def _successor(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.next")
