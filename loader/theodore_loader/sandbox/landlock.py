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
8      restricting every thread at once
9      ``RESOLVE_UNIX``: connecting to UNIX sockets by path
10     UDP bind, connect and send
=====  ====================================================

Everything is used as soon as it is offered. What an older kernel lacks stands in the layer's detail; seccomp has to
hold it alone there.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping

from theodore_loader.sandbox import libc
from theodore_loader.sandbox.profile import Profile

EXECUTE, WRITE_FILE, READ_FILE, READ_DIRECTORY = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIRECTORY, REMOVE_FILE, MAKE_DIRECTORY, MAKE_REGULAR, MAKE_SYMLINK = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
REFER, TRUNCATE, IOCTL_DEVICE, RESOLVE_UNIX = 1 << 13, 1 << 14, 1 << 15, 1 << 16

FIRST_ABI_WITH_NETWORK, FIRST_ABI_WITH_SCOPES, FIRST_ABI_WITH_ALL_THREADS, FIRST_ABI_WITH_UDP = 4, 6, 8, 10
NEWEST_ABI = FIRST_ABI_WITH_UDP
"""The newest whose rights we know; a later kernel is used as this one."""

_ESTABLISHED_ABI = 7
_ABI_1_RIGHTS = (1 << 13) - 1
_ADDED_RIGHTS = {2: REFER, 3: TRUNCATE, 5: IOCTL_DEVICE, 9: RESOLVE_UNIX}
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
_BIND_TCP, _CONNECT_TCP, _BIND_UDP, _SEND_UDP = 1, 2, 4, 8
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2
_CREATE_RULESET_VERSION, _RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 1, 2
_ALL_THREADS = 1 << 3
_TYPE, _DIRECTORY = 0o170000, 0o040000  # of st_mode; the module stat costs every confined process its import

_LACKS = {
    2: "renames between folders",
    3: "truncation by path",
    4: "TCP",
    5: "device ioctls",
    6: "signals and abstract sockets",
    9: "UNIX sockets by path",
    10: "UDP",
}

_READ = READ_FILE | READ_DIRECTORY
_WRITE = (
    _READ | WRITE_FILE | TRUNCATE | REFER | REMOVE_DIRECTORY | REMOVE_FILE | MAKE_DIRECTORY | MAKE_REGULAR
)  # and no right to make devices, sockets or FIFOs


def abi() -> int:
    """Return the ABI to use: the kernel's, or 0 where there is none or it is switched off.

    Rights younger than the kernels at hand are tried, not believed: where the kernel refuses to handle them, the
    newest ABI that it does take is returned.
    """
    try:
        offered = libc.syscall("landlock_create_ruleset", None, 0, _CREATE_RULESET_VERSION)
    except OSError:
        return 0
    return next(version for version in range(offered, -1, -1) if version <= _ESTABLISHED_ABI or _takes(version))


def _takes(version: int) -> bool:
    try:
        os.close(_create_ruleset(Profile(), min(version, NEWEST_ABI)))
    except OSError as refusal:
        if refusal.errno == errno.EINVAL:
            return False
        raise
    return True


def handled_rights(version: int) -> int:
    """Return every file-system right ABI ``version`` knows: all are handled, so all are denied unless granted."""
    rights = _ABI_1_RIGHTS
    for since, added in _ADDED_RIGHTS.items():
        if version >= since:
            rights |= added
    return rights


def restrict(profile: Profile, version: int) -> str:
    """Confine the calling thread, for good (from ABI 8 on every thread); return one line that says to what.

    Must run while the process has a single thread.

    Raises:
        OSError: the kernel refused a step; the process must not go on.

    """
    made, detail = ruleset(profile, version)
    try:
        _restrict_self(made, version)
    finally:
        os.close(made)
    return detail


def ruleset(profile: Profile, version: int) -> tuple[int, str]:
    """Return the rules for ``profile``, which bind nobody yet, as a descriptor, and the line about them.

    Raises:
        OSError: the kernel refused a step.

    """
    version = min(version, NEWEST_ABI)
    made = _create_ruleset(profile, version)
    try:
        rights = _grants(profile)
        count = sum(_add_rule(made, path, wanted & handled_rights(version)) for path, wanted in rights.items())
        ports = _add_ports(made, profile, version)
    except BaseException:
        os.close(made)
        raise
    return made, f"ABI {version}, {count} paths granted{ports}{_lacking(version)}"


def _restrict_self(ruleset: int, version: int) -> None:
    """Every thread where the kernel can: there is one only, by what we counted."""
    if version >= FIRST_ABI_WITH_ALL_THREADS:
        try:
            libc.syscall("landlock_restrict_self", ruleset, _ALL_THREADS)
        except OSError as refusal:
            if refusal.errno != errno.EINVAL:
                raise
        else:
            return
    libc.syscall("landlock_restrict_self", ruleset, 0)


def holds_ports(profile: Profile, version: int) -> bool:
    """Say whether connections are held to the profile's ports."""
    return profile.sockets == "ports" and version >= FIRST_ABI_WITH_NETWORK


def _lacking(version: int) -> str:
    missing = [what for since, what in _LACKS.items() if since > version]
    return f"; this kernel's Landlock does not hold {', '.join(missing)}" if missing else ""


def _grants(profile: Profile) -> Mapping[str, int]:
    write = _WRITE | (MAKE_SYMLINK if profile.symlinks else 0)
    rights = {"/dev/null": READ_FILE | WRITE_FILE}
    kinds = ((profile.read, _READ), (profile.write, write), (profile.execute, READ_FILE | EXECUTE))
    for paths, wanted in kinds:
        for path in paths:
            rights[path] = rights.get(path, 0) | wanted
    return rights


def _create_ruleset(profile: Profile, version: int) -> int:
    network, scopes = _network_and_scopes(profile, version)
    attributes = struct.pack("=QQQ", handled_rights(version), network, scopes)
    # An older kernel takes a longer structure when the part it does not know is zero.
    return libc.syscall("landlock_create_ruleset", attributes, len(attributes), 0)


def _network_and_scopes(profile: Profile, version: int) -> tuple[int, int]:
    outbound = profile.sockets == "outbound"
    tcp = _BIND_TCP | (0 if outbound else _CONNECT_TCP)
    udp = 0 if outbound else _BIND_UDP | _SEND_UDP  # sending binds, so a tool that may send is not held at all
    network = (tcp if version >= FIRST_ABI_WITH_NETWORK else 0) | (udp if version >= FIRST_ABI_WITH_UDP else 0)
    scopes = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if version >= FIRST_ABI_WITH_SCOPES else 0
    return network, scopes


def _add_ports(ruleset: int, profile: Profile, version: int) -> str:
    if profile.sockets != "ports":
        return ""
    if version < FIRST_ABI_WITH_NETWORK:
        return ", TCP ports are not held"
    for port in profile.connect_ports:
        libc.syscall("landlock_add_rule", ruleset, _RULE_NET_PORT, struct.pack("=QQ", _CONNECT_TCP, port), 0)
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
    return os.fstat(descriptor).st_mode & _TYPE == _DIRECTORY
