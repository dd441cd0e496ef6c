"""Layer 8: Landlock (``man 7 landlock``), the kernel's own path policy for unprivileged processes.

What a ruleset handles is denied unless a rule grants it, so each ABI's new rights are handled as soon as the kernel
knows them. The ABI is asked of the kernel, never derived from its version.

=====  ====================================================
ABI    adds
=====  ====================================================
1      files and directories
2      ``REFER``: rename and link between directories
3      ``TRUNCATE``
4      TCP bind and connect
5      ``IOCTL_DEV``
6      scopes: abstract UNIX sockets, signals
7      audit records (nothing to handle)
=====  ====================================================
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from theodore_loader.sandbox import libc
from theodore_loader.sandbox.profile import Profile

EXECUTE, WRITE_FILE, READ_FILE, READ_DIRECTORY = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIRECTORY, REMOVE_FILE, MAKE_DIRECTORY, MAKE_REGULAR, MAKE_SYMLINK = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
REFER, TRUNCATE, IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15

FIRST_ABI_WITH_NETWORK, FIRST_ABI_WITH_SCOPES = 4, 6

_ABI_1_RIGHTS = (1 << 13) - 1
_ADDED_RIGHTS = {2: REFER, 3: TRUNCATE, 5: IOCTL_DEVICE}
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
_NET_BIND, _NET_CONNECT = 1, 2
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2
_CREATE_RULESET_VERSION, _RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 1, 2

_READ = READ_FILE | READ_DIRECTORY
_WRITE = (
    _READ | WRITE_FILE | TRUNCATE | REFER | REMOVE_DIRECTORY | REMOVE_FILE | MAKE_DIRECTORY | MAKE_REGULAR
)  # and no right to make devices, sockets or FIFOs


def abi() -> int:
    """Return the kernel's Landlock ABI, or 0 where there is none or it is switched off."""
    try:
        return libc.syscall("landlock_create_ruleset", None, 0, _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def handled_rights(version: int) -> int:
    """Return every file-system right ABI ``version`` knows: all are handled, so all are denied unless granted."""
    rights = _ABI_1_RIGHTS
    for since, added in _ADDED_RIGHTS.items():
        if version >= since:
            rights |= added
    return rights


def restrict(profile: Profile, version: int) -> str:
    """Confine the calling thread, for good; return one line that says to what.

    Must run while the process has a single thread: Landlock binds threads, and only ABI 8 brings the others along.

    Raises:
        OSError: the kernel refused a step; the process must not go on.

    """
    ruleset = _create_ruleset(profile, version)
    try:
        count = sum(_add_rule(ruleset, path, rights & handled_rights(version)) for path, rights in _grants(profile))
        ports = _add_ports(ruleset, profile, version)
        libc.syscall("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
    return f"ABI {version}, {count} paths granted{ports}"


def holds_ports(profile: Profile, version: int) -> bool:
    """Say whether connections are held to the profile's ports."""
    return profile.sockets == "ports" and version >= FIRST_ABI_WITH_NETWORK


def _grants(profile: Profile) -> Iterator[tuple[str, int]]:
    write = _WRITE | (MAKE_SYMLINK if profile.symlinks else 0)
    yield "/dev/null", READ_FILE | WRITE_FILE
    yield from ((path, _READ) for path in profile.read)
    yield from ((path, write) for path in profile.write)
    yield from ((path, READ_FILE | EXECUTE) for path in profile.execute)


def _create_ruleset(profile: Profile, version: int) -> int:
    network, scopes = _network_and_scopes(profile, version)
    attributes = struct.pack("=QQQ", handled_rights(version), network, scopes)
    # An older kernel takes a longer structure when the part it does not know is zero.
    return libc.syscall("landlock_create_ruleset", attributes, len(attributes), 0)


def _network_and_scopes(profile: Profile, version: int) -> tuple[int, int]:
    connect = 0 if profile.sockets == "outbound" else _NET_CONNECT
    network = _NET_BIND | connect if version >= FIRST_ABI_WITH_NETWORK else 0
    scopes = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if version >= FIRST_ABI_WITH_SCOPES else 0
    return network, scopes


def _add_ports(ruleset: int, profile: Profile, version: int) -> str:
    if profile.sockets != "ports":
        return ""
    if version < FIRST_ABI_WITH_NETWORK:
        return ", TCP ports are not held"
    for port in profile.connect_ports:
        libc.syscall("landlock_add_rule", ruleset, _RULE_NET_PORT, struct.pack("=QQ", _NET_CONNECT, port), 0)
    return f", TCP to {len(profile.connect_ports)} ports"


def _add_rule(ruleset: int, path: str, rights: int) -> int:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return 0  # what is not there, or not ours to see, cannot be granted
    try:
        granted = rights if _is_directory(target) else rights & _FILE_RIGHTS
        libc.syscall("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", granted, target), 0)
    finally:
        os.close(target)
    return 1


def _is_directory(descriptor: int) -> bool:
    import stat

    return stat.S_ISDIR(os.fstat(descriptor).st_mode)
