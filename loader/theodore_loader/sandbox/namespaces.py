"""Step 4: user, mount, network, IPC and UTS namespaces of the process's own (``man 7 namespaces``).

The user namespace is what makes the others possible without privileges; inside, this process is the user it was, with
every capability over the new namespaces and none over the old, until layer 6 drops them. The mount namespace gets a
root that holds what the profile grants (``private_root``), the network namespace no interface that is up. There is no
cgroup namespace, for nothing inside shows control groups; and none for pids, which would take a further fork.

Needs a single thread, and ``/proc`` to write the identity maps.
"""

from __future__ import annotations

import _socket  # the C module: every confined program pays for what is imported here
import contextlib
import errno
import os
import struct

from theodore_loader.sandbox import libc, private_root
from theodore_loader.sandbox.profile import MIB, Profile

_USER, _MOUNT, _NETWORK, _IPC, _UTS = 0x10000000, 0x00020000, 0x40000000, 0x08000000, 0x04000000  # CLONE_NEW*
_GET_FLAGS, _IS_UP = 0x8913, 0x1  # SIOCGIFFLAGS, IFF_UP
_HOST_NAME = b"worker"

_FOR_EVERYBODY = {"user.max_user_namespaces = 0": "no user namespace may be made"}
_FOR_ORDINARY_USERS = {
    "kernel.unprivileged_userns_clone = 0": "user namespaces are switched off for ordinary users",
    "kernel.apparmor_restrict_unprivileged_userns = 1": "AppArmor allows user namespaces to some programs only",
}


def enter(profile: Profile, *, runs_program: bool = False) -> str:
    """Take this process into namespaces of its own, for good; return one line about them.

    A profile with sockets keeps the network it is to use.

    Raises:
        OSError: the kernel refused a step, and as far as can be told why; the process must not go on.

    """
    try:
        return _enter(profile, runs_program=runs_program)
    except OSError as problem:
        raise OSError(problem.errno, why_not(problem)) from problem


def _enter(profile: Profile, *, runs_program: bool) -> str:
    # For interfaces_up() and the next layer: in the new root nothing may be loaded any more.
    import fcntl  # noqa: F401
    import resource  # noqa: F401

    tree = private_root.tree_of(profile, runs_program=runs_program)
    alone = profile.sockets == "none"
    user, group = os.geteuid(), os.getegid()
    libc.syscall("unshare", _USER | _MOUNT | _IPC | _UTS | (_NETWORK if alone else 0))
    _map_identity(user, group)
    libc.syscall("sethostname", _HOST_NAME, len(_HOST_NAME))
    libc.syscall("setdomainname", b"", 0)
    mounts = private_root.enter(tree, profile.tmpfs_bytes)
    return f"user, mount, {'network, ' if alone else ''}ipc, uts; {mounts}"


def interfaces_up() -> tuple[str, ...]:
    """Return the network interfaces that are up, the loopback one left out. Raises OSError."""
    import fcntl

    found = []
    with contextlib.closing(_socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)) as any_socket:
        for _, name in _socket.if_nameindex():
            answer = fcntl.ioctl(any_socket.fileno(), _GET_FLAGS, struct.pack("16sh22x", os.fsencode(name), 0))
            if struct.unpack_from("16xh", answer)[0] & _IS_UP and name != "lo":
                found.append(name)
    return tuple(found)


def probe() -> None:
    """Try it in this process, which is of no use afterwards, and say on standard output why not, or nothing."""
    try:
        enter(Profile(tmpfs=("/tmp",), tmpfs_bytes=MIB))  # noqa: S108 - a mount point, of which nothing is used
    except OSError as problem:
        os.write(1, (problem.strerror or str(problem)).encode())


def why_not(problem: OSError) -> str:
    """Return why the kernel refused, as precisely as its settings tell."""
    what = problem.strerror or str(problem)
    switches = {**_FOR_EVERYBODY, **({} if os.geteuid() == 0 else _FOR_ORDINARY_USERS)}
    for setting, meaning in switches.items():
        if problem.errno is not None and _is_set(setting):
            return f"{meaning} ({setting})"
    if not what.startswith("unshare"):
        return f"a private root cannot be made here ({what})"
    if problem.errno in (errno.ENOSPC, errno.EUSERS):
        return f"the limit of user namespaces is reached, in number or depth ({what})"
    if problem.errno == errno.EPERM:
        return f"the container this runs in, a chroot or a security module refuses user namespaces ({what})"
    return f"the kernel offers no user namespaces ({what})"


def _is_set(setting: str) -> bool:
    name, _, value = setting.partition(" = ")
    try:
        with open("/proc/sys/" + name.replace(".", "/")) as file:  # noqa: PTH123 - before pathlib is worth importing
            return file.read().strip() == value
    except OSError:
        return False


def _map_identity(user: int, group: int) -> None:
    """Stay who one was: files of one's own stay one's own, and nobody else exists inside."""
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
