"""A root of one's own: what the profile grants is there, at its own path, and nothing else exists.

Everything below a grant is bound read-only, writable where the profile says so, without set-id programs and devices,
and not executable where nothing is to be executed. Folders above a grant are empty but for it; links on the way to
it are made anew. Temporary folders are memory of limited size. There is no ``/proc`` and no ``/sys``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from theodore_loader.sandbox import mounts
from theodore_loader.sandbox.profile import Profile

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")

_MOST_LINKS = 40  # what the kernel follows
_TYPE, _LINK, _DIRECTORY, _DEVICE = 0o170000, 0o120000, 0o040000, 0o020000
_ALWAYS = mounts.NO_SET_ID | mounts.NO_DEVICES
_SKELETON_BYTES = 1 << 20
_PAGE = 4096
_ATTACHED_AT = "/proc"  # any folder that exists; this one had to, for the identity maps


@dataclass(frozen=True, slots=True)
class Bind:
    """One thing to be visible: a file or folder by its true path."""

    path: str
    folder: bool
    device: bool = False
    writable: bool = False
    executable: bool = False

    @property
    def attributes(self) -> int:
        """What its mount must not allow."""
        return (
            mounts.NO_SET_ID
            | (0 if self.device else mounts.NO_DEVICES)
            | (0 if self.writable else mounts.READ_ONLY)
            | (0 if self.executable else mounts.NO_EXECUTION)
        )

    def adds_to(self, above: Bind) -> bool:
        """Say whether it allows what the mount of a folder above it does not."""
        return self.device or (self.writable and not above.writable) or (self.executable and not above.executable)


@dataclass(slots=True)
class Tree:
    """What is to be visible: things by their true paths, links by theirs, in no order."""

    binds: dict[str, Bind] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    memory: list[str] = field(default_factory=list)
    _folders: set[str] = field(default_factory=set)

    def add(self, path: str, *, writable: bool = False, executable: bool = False) -> None:
        """Grant ``path``; what does not exist, or cannot be seen, grants nothing.

        Raises:
            OSError: it is the root itself.

        """
        true = self._resolve(path)
        if true is None:
            return
        if true == "/":
            raise OSError(f"{path} is granted, which is everything there is: no private root can be made of that")
        kind = os.lstat(true).st_mode & _TYPE
        before = self.binds.get(true)
        self.binds[true] = Bind(
            path=true,
            folder=kind == _DIRECTORY,
            device=kind == _DEVICE and true in DEVICES,
            writable=writable or (before is not None and before.writable),
            executable=executable or (before is not None and before.executable),
        )

    def add_memory(self, path: str) -> None:
        """Have a memory file system at ``path``, which must be a folder."""
        true = self._resolve(path)
        if true is not None:
            self.memory.append(true)

    def mounts(self) -> Iterator[Bind]:
        """Yield what has to be mounted, outer folders first; what an outer one shows already is left out."""
        above: list[Bind] = []
        for path in sorted(self.binds):
            bind = self.binds[path]
            while above and not path.startswith(above[-1].path + "/"):
                above.pop()
            if above and not bind.adds_to(above[-1]):
                continue
            writable = bind.writable or bool(above and above[-1].writable)
            effective = Bind(path, bind.folder, bind.device, writable, bind.executable)
            above.append(effective)
            yield effective

    def _resolve(self, path: str) -> str | None:
        """Return the true path, links on the way noted; ``None`` when there is nothing."""
        at, left, hops = "", path.split("/"), 0
        while left:
            name = left.pop(0)
            if name in ("", "."):
                continue
            if name == "..":
                at = at.rpartition("/")[0]
                continue
            following = f"{at}/{name}"
            target = self._link(following)
            if target is None:
                return None
            if target:
                hops += 1
                if hops > _MOST_LINKS:
                    return None
                self.links[following] = target
                at, left = "" if target.startswith("/") else at, target.split("/") + left
            else:
                at = following
        return at or "/"

    def _link(self, path: str) -> str | None:
        """Return where a link leads, "" when it is none, ``None`` when there is nothing."""
        if path in self._folders:
            return ""
        try:
            kind = os.lstat(path).st_mode & _TYPE
            if kind == _LINK:
                return os.readlink(path)  # noqa: PTH115 - strings all the way here
        except OSError:
            return None
        if kind == _DIRECTORY:
            self._folders.add(path)
        return ""


def tree_of(profile: Profile, *, runs_program: bool) -> Tree:
    """Return what ``profile`` may see. Raises OSError when that is everything."""
    tree = Tree()
    native = not profile.write_xor_execute or runs_program or profile.subprocesses > 0
    for path in (*DEVICES, *profile.read):
        tree.add(path, executable=native)
    for path in profile.execute:
        tree.add(path, executable=True)
    for path in profile.write:
        if path not in profile.tmpfs:
            tree.add(path, writable=True)
    for path in profile.tmpfs:
        tree.add_memory(path)
    return tree


def enter(tree: Tree, memory_bytes: int) -> str:
    """Make ``tree`` the root of this process, in a mount namespace of its own; return one line about it.

    Raises:
        OSError: the kernel refused a step; the process must not go on.

    """
    working = os.getcwd()  # noqa: PTH109 - before pathlib is worth importing
    visible = list(tree.mounts())
    with contextlib.ExitStack() as closing:
        copies = [(bind, _closed(closing, mounts.clone(bind.path, bind.attributes))) for bind in visible]
        root = _closed(closing, _memory(_SKELETON_BYTES, mode="0755"))
        mounts.attach(root, _ATTACHED_AT)
        skeleton = _Skeleton(root)
        for bind, copy in copies:
            skeleton.place(copy, bind.path, folder=bind.folder)
        for path, target in tree.links.items():
            skeleton.link(path, target)
        for path in tree.memory:
            skeleton.place(_closed(closing, _memory(memory_bytes, mode="0700")), path, folder=True)
        mounts.make_read_only(root)
        mounts.become_root(root)
    with contextlib.suppress(OSError):
        os.chdir(working)
    writable = sum(bind.writable for bind in visible)
    return (
        f"{len(visible) - writable} mounts read-only, {writable} writable,"
        f" {len(tree.memory)} of {memory_bytes} bytes of memory"
    )


class _Skeleton:
    """The folders, empty files and links that hold the mounts together, in a root that is attached already."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._made: set[str] = {""}
        self._placed: list[str] = []

    def place(self, mount: int, path: str, *, folder: bool) -> None:
        if not self._is_placed(path):
            self._make_folder(path if folder else path.rpartition("/")[0])
            if not folder:
                os.close(os.open(path[1:], os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=self._root))
        mounts.attach(mount, path[1:], below=self._root)
        self._placed.append(path + "/")

    def link(self, path: str, target: str) -> None:
        if not self._is_placed(path):
            self._make_folder(path.rpartition("/")[0])
            os.symlink(target, path[1:], dir_fd=self._root)

    def _is_placed(self, path: str) -> bool:
        """Say whether a mount shows the path already."""
        return any(path.startswith(placed) for placed in self._placed)

    def _make_folder(self, path: str) -> None:
        if path not in self._made:
            self._make_folder(path.rpartition("/")[0])
            os.mkdir(path[1:], 0o755, dir_fd=self._root)
            self._made.add(path)


def _closed(closing: contextlib.ExitStack, descriptor: int) -> int:
    closing.callback(os.close, descriptor)
    return descriptor


def _memory(size: int, *, mode: str) -> int:
    options = {"size": str(size), "nr_inodes": str(max(size // _PAGE, 1)), "mode": mode}
    return mounts.memory(_ALWAYS | mounts.NO_EXECUTION, options)
