"""A commit's files, read as objects: nothing of the repository runs, and nothing in it can say what the files are.

A checkout or an archive made by git applies filters, attributes and substitutions that the repository names, and a
repository's configuration can name programs. Here git lists a tree and prints blobs, in the sandbox: no network, no
other program, nothing writable, none of the user's or the system's configuration, no replacement objects or grafts.

Git hands out what lies under an object's name; whether it *is* that object only ``git fsck`` asks. So commit, trees
and blobs are hashed here, and a tree is followed from the commit's own bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
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
_REGULAR, _FOLDER = ("100644", "100755", "100664"), "40000"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_TREE = re.compile(rb"tree ([0-9a-f]{40}(?:[0-9a-f]{24})?)$", re.MULTILINE)
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
    """One commit: its full object id, when it was made, in seconds since 1970, and its tree."""

    id: str
    epoch: int
    tree: str


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
        headers = self._objects("commit", [name])[name].partition(b"\n\n")[0]
        stated, tree = _COMMITTED.search(headers), _TREE.match(headers)
        if tree is None:
            raise _forged(name)
        return Commit(name, int(stated.group(1)) if stated else 0, tree.group(1).decode())

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
        blobs = self._objects("blob", list(dict.fromkeys(blob for _, blob in listed)))
        target.mkdir(parents=True, exist_ok=True)
        for path, blob in listed:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(blobs[blob])

    def listed(self, commit: Commit) -> Iterator[tuple[str, str]]:
        """Iterate over path, below this folder, and blob of each regular file. Raises as :meth:`export`."""
        prefix = self._folder.relative_to(self._top).parts
        trees = self._trees(commit, "/".join(prefix))
        tree = commit.tree
        for part in prefix:
            inside = {name: entry for mode, name, entry in _entries(trees[tree], tree) if mode == _FOLDER}
            if part not in inside:
                raise ConfigurationProblem(
                    f"commit {commit.id[:12]} has no folder {'/'.join(prefix)}", help="name the folder as it was then"
                )
            tree = inside[part]
        for path, blob in _walk(trees, tree, ""):
            if defect := name_defect(path, _NAMES):
                raise ConfigurationProblem(
                    f"commit {commit.id[:12]}: {defect.message}", help="such a name cannot be in a wheel; rename it"
                )
            yield path, blob

    def _trees(self, commit: Commit, below: str) -> Mapping[str, bytes]:
        """Return the trees on the way to ``below`` and below it; git's own list only says which to ask for."""
        arguments = ["ls-tree", "-r", "-t", "-z", "--full-tree", commit.id, *(["--", f"{below}/"] if below else [])]
        lines = (line.split(b"\t")[0].split() for line in self._checked(arguments).split(b"\0") if line)
        names = [words[2].decode("ascii") for words in lines if words[1] == b"tree"]
        return self._objects("tree", list(dict.fromkeys([commit.tree, *names])))

    def _objects(self, kind: str, names: Sequence[str]) -> Mapping[str, bytes]:
        """Read objects and hold each against its name.

        ``cat-file --batch`` prints a header line, the content and a newline for each.
        """
        output = self._checked(["cat-file", "--batch"], "".join(f"{name}\n" for name in names).encode())
        found: dict[str, bytes] = {}
        at = 0
        for name in names:
            end = output.find(b"\n", at)
            header = output[at:end].split()
            if end < 0 or len(header) != 3 or header[1] != kind.encode():
                raise ConfigurationProblem(
                    f"the repository lacks the {kind} {name} (or it holds more than {_MAX_BYTES // MIB} MiB)",
                    help="make the clone complete (`git fetch --unshallow`), or name the plugin's folder: FOLDER@REF",
                )
            start, size = end + 1, int(header[2])
            content = output[start : start + size]
            if object_id(kind, content, len(name)) != name:
                raise _forged(name)
            found[name] = content
            at = start + size + 1
        return found

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


def object_id(kind: str, content: bytes, digits: int) -> str:
    """Return git's name for an object: the hash of kind, size, NUL and content, SHA-1 or (64 digits) SHA-256."""
    algorithm = hashlib.sha256 if digits == 64 else hashlib.sha1
    return algorithm(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def _walk(trees: Mapping[str, bytes], tree: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Iterate over the regular files of a tree and of those in it; links and submodules are passed over."""
    if tree not in trees:
        raise _forged(tree)
    for mode, name, entry in _entries(trees[tree], tree):
        if mode == _FOLDER:
            yield from _walk(trees, entry, f"{prefix}{name}/")
        elif mode in _REGULAR:
            yield f"{prefix}{name}", entry


def _entries(content: bytes, tree: str) -> Iterator[tuple[str, str, str]]:
    """Iterate over mode, name and object of a tree: ``mode SP name NUL``, then the object's bytes, again and again."""
    size, at = len(tree) // 2, 0
    while at < len(content):
        end = content.find(b"\0", at)
        mode, space, name = content[at:end].partition(b" ")
        if end < 0 or not space or end + 1 + size > len(content):
            raise _forged(tree)
        yield (
            mode.decode("ascii", "replace"),
            name.decode("utf-8", "surrogateescape"),
            content[end + 1 : end + 1 + size].hex(),
        )
        at = end + 1 + size


def _forged(name: str) -> ConfigurationProblem:
    return ConfigurationProblem(
        f"the repository's object {name} is not what its name says",
        help="the repository is damaged or was forged (`git fsck`); clone it again from a place you trust",
    )


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
