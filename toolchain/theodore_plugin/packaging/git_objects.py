"""A commit's files, read as objects: nothing of the repository runs, and nothing in it can say what the files are.

A checkout or an archive made by git applies filters, attributes and substitutions that the repository names, and a
repository's configuration can name programs. Here git lists a tree and prints blobs, in the sandbox: no network, no
other program, nothing writable, none of the user's or the system's configuration, no replacement objects or grafts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.artifact.entry_name import name_defect
from theodore_loader.artifact.limits import Limits
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.run import run_confined

_SECONDS = 120
_MAX_FILES = 20_000
_MAX_BYTES = 256 * MIB
_MAX_REF = 255
_NAMES = Limits(path_bytes=4096, depth=64)
_REGULAR = ("100644", "100755", "100664")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_COMMITTED = re.compile(rb"^committer .*> (\d{1,12}) [+-]\d{4}$", re.MULTILINE)
_SETTINGS = ("safe.directory=*", "core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never")
_ENVIRONMENT = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ATTR_NOSYSTEM": "1",
}


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit: its full object id, and when it was made, in seconds since 1970."""

    id: str
    epoch: int


class Repository:
    """The repository that ``folder`` lies in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._top = _top(self._folder)
        self._readable = tuple(map(str, _git_folders(self._top)))

    def commit(self, ref: str) -> Commit:
        """Return the commit a branch, tag or object id names. Raises :class:`ConfigurationProblem`."""
        if not ref or ref.startswith("-") or len(ref) > _MAX_REF or not ref.isprintable():
            raise ConfigurationProblem(f"{ref[:80]!r} is no git ref", help="give a branch, a tag or a commit")
        found = self._git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"])
        name = found.decode("ascii", "replace").strip() if found else ""
        if not _COMMIT.fullmatch(name):
            raise ConfigurationProblem(
                f"{ref!r} names no commit of the repository at {self._top}",
                help="fetch it first (`git fetch --tags`), or give a folder",
            )
        stated = _COMMITTED.search(self._checked(["cat-file", "commit", name]).partition(b"\n\n")[0])
        return Commit(name, int(stated.group(1)) if stated else 0)

    def remote(self) -> str:
        """Return the address of ``origin``, as the repository's configuration has it, or nothing."""
        return (self._git(["config", "--get", "remote.origin.url"]) or b"").decode("utf-8", "replace").strip()

    def export(self, commit: Commit, target: Path) -> None:
        """Write the regular files that the commit has below this folder; links and submodules are left out.

        Raises :class:`ConfigurationProblem` for objects that are missing, names that are no plain paths, and more
        than a plugin's sources would hold.
        """
        listed = list(self.listed(commit))
        if len(listed) > _MAX_FILES:
            raise ConfigurationProblem(
                f"commit {commit.id[:12]} has more than {_MAX_FILES} files", help="name the plugin's folder: FOLDER@REF"
            )
        target.mkdir(parents=True, exist_ok=True)
        for (path, _), content in zip(listed, self._blobs([blob for _, blob in listed]), strict=True):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(content)

    def listed(self, commit: Commit) -> Iterator[tuple[str, str]]:
        """Iterate over path, below this folder, and blob of each regular file. Raises as :meth:`export`."""
        prefix = self._folder.relative_to(self._top).as_posix()
        tree = commit.id if prefix == "." else f"{commit.id}:{prefix}"
        for line in filter(None, self._checked(["ls-tree", "-r", "-z", "--full-tree", tree]).split(b"\0")):
            described, _, raw = line.partition(b"\t")
            mode, _, blob = described.decode("ascii").split()
            path = raw.decode("utf-8", "surrogateescape")
            if defect := name_defect(path, _NAMES):
                raise ConfigurationProblem(
                    f"commit {commit.id[:12]}: {defect.message}", help="such a name cannot be in a wheel; rename it"
                )
            if mode in _REGULAR:
                yield path, blob

    def _blobs(self, names: Sequence[str]) -> Iterator[bytes]:
        """Read what ``cat-file --batch`` prints: a header line, the content, a newline, for each."""
        output = self._checked(["cat-file", "--batch"], "".join(f"{name}\n" for name in names).encode())
        at = 0
        for name in names:
            end = output.find(b"\n", at)
            header = output[at:end].split()
            if end < 0 or len(header) != 3 or header[1] != b"blob":
                raise ConfigurationProblem(
                    f"the repository lacks the object {name} (or it holds more than {_MAX_BYTES // MIB} MiB)",
                    help="make the clone complete (`git fetch --unshallow`), or name the plugin's folder: FOLDER@REF",
                )
            start, size = end + 1, int(header[2])
            yield output[start : start + size]
            at = start + size + 1

    def _checked(self, arguments: Sequence[str], given: bytes | None = None) -> bytes:
        output = self._git(arguments, given)
        if output is None:
            raise ConfigurationProblem(
                f"git cannot read the repository at {self._top}", help="is the clone complete? try `git fsck`"
            )
        return output

    def _git(self, arguments: Sequence[str], given: bytes | None = None) -> bytes | None:
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        done = run_confined(
            ["git", "--no-pager", *settings, *arguments], _profile(self._readable),
            cwd=self._top, env=_ENVIRONMENT, input=given, timeout=_SECONDS, output_cap=_MAX_BYTES,
        )  # fmt: skip
        return done.stdout if done.returncode == 0 and not done.timed_out else None


def _profile(readable: tuple[str, ...]) -> Profile:
    libraries = (*interpreter.SYSTEM_LIBRARIES, *interpreter.SYSTEM_FILES)
    return Profile(read=(*libraries, *readable), memory_bytes=1024 * MIB, open_files=256, allow_weaker=True)


def _top(folder: Path) -> Path:
    found = next((top for top in (folder, *folder.parents) if os.path.lexists(top / ".git")), None)
    if found is None:
        raise ConfigurationProblem(f"{folder} lies in no git repository", help="give a folder, or FOLDER@REF")
    return found


def _git_folders(top: Path) -> Iterator[Path]:
    """Return what git needs to read: the work tree's mark, and the object store, wherever a work tree keeps it."""
    marker = top / ".git"
    yield top
    if not marker.is_file():
        return
    words = marker.read_bytes()[:4096].decode("utf-8", "replace").partition("gitdir:")[2].strip()
    folder = (top / words).resolve()
    yield folder
    common = folder / "commondir"
    if words and common.is_file():
        yield (folder / common.read_text(encoding="utf-8").strip()).resolve()
