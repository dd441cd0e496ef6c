"""``theodore-plugin check --watch``: check, wait until something changes, check again, until Ctrl-C.

Folders are watched by the operating system; wheels, policies and other single files are looked at five times a second,
because a file that is replaced (as editors and builds do) takes a watch of its own with it. What changes while a check
runs is not lost: it is the reason for the next one.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from rich.text import Text

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.cli.console import stderr, stdout, visible
from theodore_plugin.project.shipping import NEVER_SHIPPED
from theodore_plugin.survey.witness import MAYBE_PACKAGES

POLL_MILLISECONDS = 200
QUIET_MILLISECONDS = 100
"""A change counts when nothing followed it for so long: the file may still be being written."""
_UNREAD = NEVER_SHIPPED.keys() - MAYBE_PACKAGES
_NOT_A_PACKAGE = frozenset({"build", "dist"}) | MAYBE_PACKAGES
"""Top-level folders that builds and environments fill and no check reads."""
_SCRATCH = ("~", ".swp", ".swx", ".tmp", ".part")
"""How files end that editors and atomic writers leave for a moment."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked at: ``folders`` as a whole, ``files`` one by one, and in the folders what is not (``outputs``)."""

    folders: tuple[Path, ...]
    files: tuple[Path, ...] = ()
    outputs: frozenset[Path] = frozenset()

    @classmethod
    def of(cls, targets: Iterable[Path], inputs: Iterable[Path] = (), outputs: Iterable[Path] = ()) -> Watched:
        """Sort targets and other inputs of a check into folders and files. ``outputs`` are written by the check."""
        apart = [path.absolute() for path in targets]
        folders = tuple(path for path in apart if path.suffix != ".whl")
        wheels = (path for path in apart if path.suffix == ".whl")
        files = (*wheels, *(path.absolute() for path in inputs))
        return cls(folders, tuple(dict.fromkeys(files)), frozenset(path.absolute() for path in outputs))

    def named(self, path: Path) -> str:
        """Return a path as its reader knows it: below what is watched, without what lies above."""
        folder = next((folder for folder in self.folders if path.is_relative_to(folder)), path.parent)
        return path.name if path == folder else str(path.relative_to(folder))

    def matters(self, path: Path) -> bool:
        """Return whether a change of this path can change what a check says."""
        if path in self.outputs or path.name.endswith(_SCRATCH) or path.name.startswith(".#"):
            return False
        inside = next((path.relative_to(folder).parts for folder in self.folders if path.is_relative_to(folder)), ())
        return not (_UNREAD & set(inside) or _NOT_A_PACKAGE & set(inside[:1]))


def watch(check: Callable[[], object], watched: Watched, *, debug: bool = False) -> NoReturn:
    """Call ``check`` now and after every change. Ends by an exception only: KeyboardInterrupt, or a closed pipe."""
    changed = changes(watched)
    next(changed)
    named: Collection[Path] = ()
    while True:
        _head(named, watched)
        _survive(check, debug=debug)
        stderr.print(f"watching {_all_named(watched)} for changes; Ctrl-C ends", style="dim")
        named = next(changed)


def changes(watched: Watched) -> Iterator[frozenset[Path]]:
    """Yield nothing once everything is under watch, then what has changed, each time something has.

    A folder that vanishes is a change, and so is its return; it is said when the new folder is under watch, so that
    nothing that happens during the check that follows is lost.
    """
    before = _states(watched)
    owed: frozenset[Path] | None = frozenset()
    while True:
        for batch in _batches([folder for folder in watched.folders if folder.is_dir()]):
            states = _states(watched)
            others = {path for path, state in states.items() if state != before.get(path)}
            found = frozenset(filter(watched.matters, batch)) | others | (owed or frozenset())
            before = states
            if others & set(watched.folders):
                owed = found  # another folder of this name: watch that one first
                break
            if found or owed is not None:
                owed = None
                yield found


def _batches(folders: Sequence[Path]) -> Iterator[set[Path]]:
    """Yield changed paths, and the empty set five times a second. Ends never; the caller leaves."""
    while not folders:
        time.sleep(POLL_MILLISECONDS / 1000)
        yield set()
    polling = False
    while True:
        try:
            for batch in _watcher(folders, polling=polling):
                yield {Path(path) for _, path in batch}
        except FileNotFoundError:  # gone between two looks; the caller sees that it is
            yield set()
            return
        except OSError as problem:
            if problem.errno not in {errno.ENOSPC, errno.EMFILE} or polling:
                raise
            polling = True
            stderr.print(f"the system watches no more files ({problem.strerror}): looking at them instead", style="dim")


def _watcher(folders: Sequence[Path], *, polling: bool) -> Iterator[set[tuple[Any, str]]]:
    try:
        import watchfiles
    except ModuleNotFoundError:
        raise ConfigurationProblem(
            "--watch needs watchfiles, which is not installed here", help='pip install "theodore-plugin[toolchain]"'
        ) from None
    return watchfiles.watch(
        *folders,
        watch_filter=None,
        step=QUIET_MILLISECONDS,
        rust_timeout=POLL_MILLISECONDS,
        yield_on_timeout=True,
        raise_interrupt=True,
        force_polling=polling or None,
        ignore_permission_denied=True,
    )


_State = tuple[int, ...]


def _states(watched: Watched) -> dict[Path, _State]:
    """Return what identifies each folder, and the content of each file as far as its status tells."""
    folders = {folder: _status(folder, "st_dev", "st_ino") for folder in watched.folders}
    files = {file: _status(file, "st_dev", "st_ino", "st_size", "st_mtime_ns") for file in watched.files}
    return folders | files


def _status(path: Path, *fields: str) -> _State:
    try:
        status = os.stat(path)  # noqa: PTH116 - Path.stat is the same call, slower
    except OSError:
        return ()
    return tuple(getattr(status, field) for field in fields)


def _survive(check: Callable[[], object], *, debug: bool) -> None:
    """Run one check; whatever goes wrong with it is said, and may be mended by the next change."""
    from theodore_plugin.cli.failure import explain_failure

    try:
        check()
        stdout.file.flush()
    except OSError as problem:
        if problem.filename is None:  # printing failed: there is nobody left to watch for
            raise
        explain_failure(problem, debug=debug)
    except Exception as problem:
        explain_failure(problem, debug=debug)


def _head(changed: Collection[Path], watched: Watched) -> None:
    """Begin a run on a clean screen, or below a line where there is no screen to clean."""
    if stdout.is_terminal:
        stdout.clear()
    if changed:
        first = min(changed)
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        now = time.strftime("%H:%M:%S")
        stderr.print(Text(f"--- {now} changed: {visible(watched.named(first))}{more}", style="bold"))


def _all_named(watched: Watched) -> str:
    return ", ".join(visible(path.name) for path in (*watched.folders, *watched.files)[:3])
