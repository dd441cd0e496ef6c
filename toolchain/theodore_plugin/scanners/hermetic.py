"""Where a third-party tool runs: a clean copy of the source, our configuration, no network, our sandbox.

1. The copy holds Python files and nothing else, written from the bytes the check already read: no
   configuration, no hooks, no symlinks, whatever the target's tree contains.
2. The tool is started as ``python -I -m tool``: no ``PYTHON*`` variables, no user site, no import from the
   working directory, which is an empty scratch folder outside the copy.
3. The environment is built from nothing; of the caller's only certificate and proxy settings pass, and
   only to a tool that needs the network.
4. The sandbox gives read access to the copy and the interpreter, write access to the scratch folder,
   no sockets unless asked for, and bounds on memory, time, output and what is written in all.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from theodore_loader.sandbox.interpreter import RESOLVER, read_paths
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.run import Completed, run_confined
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.disk_budget import DiskBudget
from theodore_plugin.scanners.leftovers import working_folder

MEMORY_BYTES = 2048 * MIB
"""Writable memory of one tool; mypy on a plugin with a large dependency tree was seen at 576 MiB."""

OUTPUT_BYTES = 64 * MIB
"""Largest file a tool may write, and the most of its output that is kept."""

CPU_GRACE_SECONDS = 5
"""So much more processor time than time: the clock ends a tool first, and says so; this ends what outlives us."""

_CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")

Sockets = Literal["none", "outbound", "ports"]


class UnsafePathError(ValueError):
    """A file's path would lead out of the clean copy."""


@dataclass(frozen=True, slots=True)
class CleanTree:
    """The copy: ``root`` mirrors the project's paths and is read-only to tools, ``scratch`` is theirs to write.

    Setting ``stop`` kills the tools that are running over it.
    """

    root: Path
    scratch: Path
    files: tuple[str, ...]
    stop: threading.Event = field(default_factory=threading.Event)

    def project_path(self, reported: str) -> str | None:
        """Translate a path a tool printed to the project's own; ``None`` if it is not one of the files."""
        path = Path(reported)
        candidate = path if path.is_absolute() else self.root / path
        try:
            relative = PurePosixPath(candidate.relative_to(self.root)).as_posix()
        except ValueError:
            return None
        return relative if relative in self.files else None


@dataclass(frozen=True, slots=True)
class ToolRun:
    """What came back, and what held it."""

    completed: Completed
    sandbox: str
    exceeded: str = ""
    """What it wrote too much of, in words to put after its name."""

    def finished(self, *codes: int) -> bool:
        """Return whether the tool ended by itself with one of ``codes`` and all of its output is here."""
        ended = not self.completed.timed_out and not self.completed.truncated and not self.exceeded
        return ended and self.completed.returncode in codes


@contextmanager
def clean_tree(project: PluginProject) -> Iterator[CleanTree]:
    """Write the project's Python files, and nothing else, to a private folder that is removed afterwards."""
    with working_folder() as folder:
        root, scratch = folder / "source", folder / "scratch"
        root.mkdir()
        scratch.mkdir()
        for file in project.files:
            write_inside(root, file.path, file.data)
        yield CleanTree(root, scratch, tuple(file.path for file in project.files))


def run_tool(
    module: str,
    arguments: Sequence[str],
    *,
    tree: CleanTree,
    timeout: float,
    environment: dict[str, str] | None = None,
    sockets: Sockets = "none",
    connect_ports: tuple[int, ...] = (),
    subprocesses: int = 0,
) -> ToolRun:
    """Run ``python -I -m module arguments`` over ``tree``; each tool gets a scratch folder of its own.

    With ``subprocesses`` the tool may start this interpreter again and no other program.
    """
    argv = [sys.executable, "-I", "-m", module, *arguments]
    room = Room(sockets=sockets, connect_ports=connect_ports, subprocesses=subprocesses)
    return run_command(argv, name=module, tree=tree, timeout=timeout, environment=environment, room=room)


@dataclass(frozen=True, slots=True)
class Room:
    """What a tool is given beyond the copy, the interpreter and its scratch folder; nothing by default."""

    sockets: Sockets = "none"
    connect_ports: tuple[int, ...] = ()
    """Ports it may connect to with ``sockets="ports"``."""
    subprocesses: int = 0
    memory_bytes: int = MEMORY_BYTES
    read: tuple[str, ...] = ()
    """Absolute paths it may read besides."""
    execute: tuple[str, ...] = ()
    """Programs it may start besides itself, with ``subprocesses``."""
    start: Path | None = None
    """The folder it starts in; by default its scratch folder."""


def run_command(
    argv: Sequence[str],
    *,
    name: str,
    tree: CleanTree,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    room: Room = Room(),
) -> ToolRun:
    """Run any program over ``tree``, held as the tools of :func:`run_tool` are, with ``scratch/name`` to write in.

    Raises ConfigurationProblem if there is no such program.
    """
    scratch = tree.scratch / name
    scratch.mkdir(exist_ok=True)
    budget = DiskBudget(scratch, tree.stop)
    completed = run_confined(
        argv,
        _profile(tree, scratch, timeout, room),
        cwd=room.start or scratch,
        env={**_environment(scratch, room.sockets), **(environment or {})},
        timeout=timeout,
        output_cap=OUTPUT_BYTES,
        stop=budget,
    )
    budget.measure()
    return ToolRun(completed, _held_by(completed), budget.exceeded)


def write_inside(root: Path, path: str, data: bytes) -> None:
    """Write one file of a copy. Raises UnsafePathError for a path that leads out of ``root``."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or any(part in {"..", "."} or "\0" in part for part in parts):
        raise UnsafePathError(f"{path!r} does not stay inside the project")
    target = root.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("xb") as file:
            file.write(data)
    except OSError as problem:  # a failing write does not say which file it was
        raise OSError(problem.errno, problem.strerror, str(target)) from problem


def _profile(tree: CleanTree, scratch: Path, timeout: float, room: Room) -> Profile:
    """Read the copy (and what stands beside it) and the interpreter; write the tool's own scratch folder."""
    resolver = RESOLVER if room.sockets == "outbound" else ()
    return Profile(
        read=(str(tree.root.parent), *read_paths(), *resolver, *_named_files(room.sockets), *room.read),
        write=(str(scratch), "/dev/null"),
        execute=room.execute,
        sockets=room.sockets,
        connect_ports=room.connect_ports,
        subprocesses=room.subprocesses,
        memory_bytes=room.memory_bytes,
        open_files=256,
        file_bytes=OUTPUT_BYTES,
        cpu_seconds=math.ceil(timeout) + CPU_GRACE_SECONDS,
        allow_weaker=True,
    )


def _named_files(sockets: Sockets) -> tuple[str, ...]:
    """Return certificate stores the user named in the environment; they pass only with the network."""
    if sockets != "outbound":
        return ()
    return tuple(value for name, value in _passed_on().items() if name.upper() in _CERTIFICATE_VARIABLES)


def _passed_on() -> dict[str, str]:
    wanted = {*_CERTIFICATE_VARIABLES, *_PROXY_VARIABLES}
    return {name: value for name, value in os.environ.items() if name.upper() in wanted}


def _environment(scratch: Path, sockets: Sockets) -> dict[str, str]:
    variables = {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "XDG_CACHE_HOME": str(scratch / "cache"),
        "LANG": "C.UTF-8",
        "PATH": os.defpath,
        "NO_COLOR": "1",
    }
    return variables | _passed_on() if sockets == "outbound" else variables


def _held_by(completed: Completed) -> str:
    """Name the sandbox tier the tool really ran in, with the layers that are missing."""
    achieved = completed.achieved
    missing = [layer.name for layer in achieved.layers if not layer.active]
    tier = achieved.tier.name.lower()
    return f"{tier} (without {', '.join(missing)})" if missing else tier
