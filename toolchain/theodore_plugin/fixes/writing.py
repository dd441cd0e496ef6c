"""Write mended files: each in one step, all or none as far as a file system can, and never outside the project.

1. Every file is looked at before the first is written: it has to lie in the project, be a regular file, and hold
   exactly what was checked.
2. The new contents are written beside the files, with their mode and owner.
3. Only then the files are replaced, one after the other. If one cannot be, those before it are put back.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.whole_file import flush_folder, stage_file
from theodore_plugin.project.shipping import NEVER_SHIPPED

_AGAIN = "nothing was written; check again"


@dataclass(frozen=True, slots=True)
class _Target:
    path: Path
    """Where the content is, links resolved."""
    before: bytes
    after: bytes


def write(root: Path, changes: Mapping[str, tuple[bytes, bytes]]) -> None:
    """Replace files below ``root``: path to content before and after.

    Raises ConfigurationProblem if a file is not the one that was checked, or lies elsewhere; then nothing is
    written. Raises OSError if the file system fails; then what was written is put back.
    """
    targets = list(_targets(root, changes))
    staged: list[tuple[_Target, Path]] = []
    try:
        for target in targets:
            staged.append((target, _staged(target.path, target.after)))
        _replace_all(staged)
    finally:
        for _, temporary in staged:
            temporary.unlink(missing_ok=True)


def _targets(root: Path, changes: Mapping[str, tuple[bytes, bytes]]) -> Iterator[_Target]:
    """Yield every file once: a link and what it leads to are one."""
    inside = root.resolve()
    seen: dict[Path, bytes] = {}
    for name, (before, after) in changes.items():
        path = _resolved(root / name, inside, name)
        if path in seen:
            if seen[path] != after:
                raise ConfigurationProblem(
                    f"{name} and a link to it were changed differently", help="fix one of them by hand"
                )
            continue
        seen[path] = after
        if path.read_bytes() != before:
            raise ConfigurationProblem(f"{name} was changed while it was being checked", help=_AGAIN)
        yield _Target(path, before, after)


def _resolved(path: Path, inside: Path, name: str) -> Path:
    """Follow links, but not out of the project."""
    try:
        found = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: links that lead to themselves, before Python 3.13
        raise ConfigurationProblem(f"{name} is no longer there", help=_AGAIN) from None
    if not found.is_relative_to(inside):
        raise ConfigurationProblem(
            f"{name} leads out of the project", help="nothing was written; put the file in its place"
        )
    if found != inside / name and NEVER_SHIPPED.keys() & set(found.relative_to(inside).parts[:-1]):
        raise ConfigurationProblem(
            f"{name} leads into {found.relative_to(inside)}, which is no source of the plugin",
            help="nothing was written; put the file in its place",
        )
    if not stat.S_ISREG(found.stat().st_mode):
        raise ConfigurationProblem(f"{name} is no regular file", help="nothing was written")
    return found


def _staged(path: Path, data: bytes) -> Path:
    """Write ``data`` beside ``path``, with its mode and owner."""
    known = path.stat()
    return stage_file(path, data, stat.S_IMODE(known.st_mode), owner=(known.st_uid, known.st_gid))


def _replace_all(staged: list[tuple[_Target, Path]]) -> None:
    done: list[_Target] = []
    try:
        for target, temporary in staged:
            temporary.replace(target.path)
            done.append(target)
            flush_folder(target.path.parent)
    except BaseException:
        for target in reversed(done):
            _staged(target.path, target.before).replace(target.path)
        raise
