"""What one confined process may do: data, decided by the host, sent to the process that confines itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Profile:
    """The grants and limits of one process; the defaults grant nothing.

    Paths are absolute; a directory grants everything below it, and a path that does not exist grants nothing.
    Whatever may be executed or written may also be read.

    Attributes:
        read: files and directories that may be read.
        write: directories (or single files) that may be read, written, created in and deleted from.
        execute: programs that may be executed; needed only with ``subprocesses``.
        sockets: ``"none"`` refuses ``socket()`` and everything that gives an address; ``"outbound"`` allows TCP and
            UDP towards **any** internet host, for tools that must reach an index, never for plugins; ``"ports"``
            allows TCP over IPv4 to ``connect_ports`` and nothing else, for a tool whose service we run ourselves.
        connect_ports: the only ports that may be connected to with ``"ports"``. Landlock knows ports, not addresses,
            and from ABI 4 on; an older kernel lets such a tool connect anywhere, which the layer's detail says.
        subprocesses: 0 refuses fork and exec. More allows both; the kernel does not count them here.
        write_xor_execute: refuse every new executable mapping, so that no native code can be loaded or made any more.
        memory_bytes: private writable memory (``RLIMIT_DATA``), never address space.
        open_files: descriptors.
        file_bytes: size of any one file written.
        cpu_seconds: processor time over the process's whole life; ``None`` leaves it unlimited.
        metadata_changes: changing modes, owners and times. Landlock does not see them, so a worker is refused;
            ``"ignore"`` answers success and does nothing, for build tools that set modes on their own copies.
        symlinks: symbolic links may be made in the writable directories.
        umask: what new files are kept from; only a build tool that is held to a result wants another.
        namespaces: user, mount, network, IPC and UTS namespaces of its own, with a root that holds what is granted
            here and nothing else; needs a single-threaded process and a kernel that allows it.
        tmpfs: writable folders to be replaced by memory file systems, private to the process; only with ``namespaces``.
        tmpfs_bytes: size of each of them.
        allow_weaker: go on with what there is where the kernel offers less, and report it.

    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    execute: tuple[str, ...] = ()
    sockets: Literal["none", "outbound", "ports"] = "none"
    connect_ports: tuple[int, ...] = ()
    subprocesses: int = 0
    write_xor_execute: bool = False
    memory_bytes: int = 512 * MIB
    open_files: int = 64
    file_bytes: int = 64 * MIB
    cpu_seconds: int | None = None
    core_bytes: int = 0
    metadata_changes: Literal["refuse", "ignore"] = "refuse"
    symlinks: bool = False
    umask: int = 0o077
    namespaces: bool = False
    tmpfs: tuple[str, ...] = ()
    tmpfs_bytes: int = 64 * MIB
    allow_weaker: bool = False

    def to_json(self) -> bytes:
        """Return the profile as one JSON object."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Profile:
        """Read what :meth:`to_json` wrote. Raises ValueError or TypeError on anything else."""
        fields: Mapping[str, Any] = json.loads(data)
        values: dict[str, Any] = {name: tuple(at) if isinstance(at, list) else at for name, at in fields.items()}
        return cls(**values)
