"""Filesystem patterns: ``r:`` or ``rw:``, then an absolute path or one of the plugin's own folders.

``*`` stands for any run of characters inside one component, a final ``/**`` for the folder itself and everything
below it. ``{data}``, ``{cache}`` and ``{tmp}`` are the plugin's own folders; no other pattern but the whole file
system is known to contain them, wherever a host may put them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from theodore_loader.permissions import globs
from theodore_loader.permissions.errors import PatternError

FOLDERS = ("data", "cache", "tmp")
MAX_PATH = 1024
MAX_COMPONENT = 128
MAX_STARS = 4
_EXAMPLE = "write r:/path/**, rw:{data}/** or the like"


@dataclass(frozen=True, slots=True)
class PathPattern:
    """Paths below ``folder`` (``None``: the root), component by component; ``deep`` means a final ``**``."""

    write: bool
    folder: str | None
    parts: tuple[str, ...]
    deep: bool

    def __str__(self) -> str:
        base = f"{{{self.folder}}}" if self.folder else ""
        tail = "/".join([*self.parts, *(["**"] if self.deep else [])])
        return f"{'rw' if self.write else 'r'}:{base}/{tail}"

    @property
    def is_everything(self) -> bool:
        """Whether this is the whole file system, for reading or for both."""
        return self.folder is None and not self.parts and self.deep

    def covers(self, other: PathPattern) -> bool:
        """Tell whether every access of ``other`` is one of these, wherever the folders are."""
        if other.write and not self.write:
            return False
        return self.is_everything or (self.folder == other.folder and self._covers_parts(other))

    def _covers_parts(self, other: PathPattern) -> bool:
        if self.deep:
            enough = len(other.parts) >= len(self.parts)
        else:
            enough = not other.deep and len(other.parts) == len(self.parts)
        return enough and all(map(globs.covers, self.parts, other.parts))

    def intersection(self, other: PathPattern) -> tuple[PathPattern, ...]:
        """Return the maximal common patterns."""
        write = self.write and other.write
        if self.is_everything or other.is_everything:
            lesser = other if self.is_everything else self
            return (PathPattern(write, lesser.folder, lesser.parts, lesser.deep),)
        if self.folder != other.folder or not self._same_depth(other):
            return ()
        shared = [globs.intersection(mine, theirs) for mine, theirs in zip(self.parts, other.parts, strict=False)]
        rest = max(self.parts, other.parts, key=len)[len(shared) :]
        deep = self.deep and other.deep
        pieces = list(product(*shared)) if _count(shared) <= globs.MAX_PIECES else []
        return tuple(PathPattern(write, self.folder, (*piece, *rest), deep) for piece in pieces)

    def overlaps(self, other: PathPattern) -> bool:
        """Tell whether some access is in both (reading is in every pattern that writes)."""
        if self.is_everything or other.is_everything:
            return True
        if self.folder != other.folder or not self._same_depth(other):
            return False
        return all(map(globs.overlaps, self.parts, other.parts))

    def _same_depth(self, other: PathPattern) -> bool:
        difference = len(self.parts) - len(other.parts)
        return difference == 0 or (other.deep if difference > 0 else self.deep)

    def allows(self, path: str, write: bool, folders: Mapping[str, str]) -> bool:
        """Tell whether the access is inside. ``path`` is absolute and already resolved; ``..`` is refused."""
        if type(path) is not str or (write and not self.write):
            return False
        parts = _split(path)
        root = self._root(folders)
        if parts is None or root is None or parts[: len(root)] != root:
            return False
        below = parts[len(root) :]
        enough = len(below) >= len(self.parts) if self.deep else len(below) == len(self.parts)
        return enough and all(map(globs.matches, self.parts, below))

    def _root(self, folders: Mapping[str, str]) -> list[str] | None:
        return [] if self.folder is None else _split(folders.get(self.folder, ""))

    def literal_root(self, folders: Mapping[str, str]) -> str:
        """Return the longest prefix without stars, expanded: what a kernel rule can name."""
        root = self._root(folders)
        if root is None:
            raise PatternError(str(self), f"no folder was given for {{{self.folder}}}", "pass its absolute path")
        literal: list[str] = []
        for part in self.parts:
            if "*" in part:
                break
            literal.append(part)
        return "/" + "/".join([*root, *literal])


def parse_path(pattern: str) -> PathPattern:
    """Read a filesystem pattern; :class:`PatternError` names defect and remedy."""
    access, colon, path = pattern.partition(":")
    if not colon or access not in ("r", "rw"):
        raise PatternError(pattern, "does not say whether it reads or writes", _EXAMPLE)
    if len(path) > MAX_PATH:
        raise PatternError(pattern[:64] + "...", f"longer than {MAX_PATH} characters", "name a folder with /**")
    _check_characters(pattern, path)
    folder, rest = _split_folder(pattern, path)
    parts, deep = _parts(pattern, rest)
    # a bare {data} can only mean the folder with what is in it
    return PathPattern(access == "rw", folder, parts, deep or (folder is not None and not parts))


def _check_characters(pattern: str, path: str) -> None:
    if any(not char.isprintable() for char in path):
        raise PatternError(pattern, "an unprintable character in the path", "write the path in plain characters")
    for char, meaning in (("\\", "backslash"), ("?", "question mark"), ("[", "bracket"), ("]", "bracket")):
        if char in path:
            raise PatternError(pattern, f"a {meaning} has no meaning here", "use / and * only")


def _split_folder(pattern: str, path: str) -> tuple[str | None, str]:
    if not path.startswith("{"):
        rest, folder = path, None
    else:
        folder, closed, rest = path[1:].partition("}")
        if not closed or folder not in FOLDERS or (rest and not rest.startswith("/")):
            raise PatternError(pattern, "unknown folder", "the plugin's own folders are {data}, {cache} and {tmp}")
    if "{" in rest or "}" in rest:
        raise PatternError(pattern, "braces stand only at the beginning", "write {data}/path")
    if folder is None and not rest.startswith("/"):
        raise PatternError(pattern, "not an absolute path", _EXAMPLE)
    return folder, rest


def _parts(pattern: str, path: str) -> tuple[tuple[str, ...], bool]:
    parts = [part for part in path.split("/") if part]
    deep = bool(parts) and parts[-1] == "**"
    parts = parts[:-1] if deep else parts
    if any(part in (".", "..") for part in parts):
        raise PatternError(pattern, "a . or .. in the path", "write the path it leads to")
    if any("**" in part for part in parts):
        raise PatternError(pattern, "** stands only at the end, as a component of its own", "write /path/**")
    if any(len(part) > MAX_COMPONENT or part.count("*") > MAX_STARS for part in parts):
        raise PatternError(pattern, f"a component over {MAX_COMPONENT} characters or {MAX_STARS} stars", "shorten it")
    return tuple(parts), deep


def _split(path: str) -> list[str] | None:
    """Return the components of a clean absolute path, or ``None``."""
    if not path.startswith("/") or "\0" in path:
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return None if ".." in parts else parts


def _count(shared: list[tuple[str, ...]]) -> int:
    total = 1
    for pieces in shared:
        total *= len(pieces)
    return total


def overbroad_path(pattern: PathPattern) -> str | None:
    """Say why a path pattern reaches further than a reviewer can judge, or ``None``."""
    if pattern.is_everything:
        return "reaches the whole file system"
    if pattern.folder is not None or (not pattern.deep and not any("*" in part for part in pattern.parts)):
        return None
    literal = next((index for index, part in enumerate(pattern.parts) if "*" in part), len(pattern.parts))
    # /home/someone is a whole home folder, one level deeper than /etc or /root
    wanted = 3 if pattern.parts and pattern.parts[0] in ("home", "Users") else 2
    return f"{pattern} reaches most of a system or home folder" if literal < wanted else None
