"""Layer 11: try what must not work. A layer that claims to hold and does not is worse than none.

Each attempt is harmless when it succeeds. What can be tried beforehand is (``arm``), so that a refusal is the layer's
doing and not an accident: a file that was readable before Landlock and is not afterwards.
"""

from __future__ import annotations

import _socket  # the C module: every confined program pays for what is imported here
import contextlib
import errno
import functools
import os
import signal
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import privileges, rlimits
from theodore_loader.sandbox.profile import Profile

_OUTSIDE = ("/proc/self/status", "/etc/passwd", "/etc/hostname", "/proc/version", "/sys/kernel/mm")
_DISCARD_PORT = 9
_REFUSALS = (errno.EPERM, errno.EACCES)

ROOT = "/"
"""What every process in a root of its own can open before Landlock: no file outside the grants exists there."""


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """One attempt and the error that refused it."""

    name: str
    layer: str
    refusal: str


@dataclass(frozen=True, slots=True)
class _Canary:
    name: str
    layer: str
    attempt: Callable[[], object]
    refusals: Collection[int] = _REFUSALS


def arm(profile: Profile) -> str | None:
    """Return a path outside every grant that this process can open now, or ``None`` when there is none."""
    granted = {_identity(path) for path in (*profile.read, *profile.write, *profile.execute)}
    for path in _OUTSIDE:
        if granted.isdisjoint(_above(path)) and _opens(path):
            return path
    return None


def prove(
    profile: Profile, held: Collection[str], outside: str | None = None, *, ports_held: bool = False
) -> tuple[CanaryResult, ...]:
    """Try every act that the layers in ``held`` must refuse; with ``ports_held`` a connection to another port, too.

    Raises:
        TierUnavailable: an act succeeded, or failed for another reason than the layer.

    """
    canaries = [*_canaries(profile, outside), *([_other_port(profile)] if ports_held else [])]
    return tuple(_try(canary) for canary in canaries if canary.layer in held)


def prove_isolation(profile: Profile, outside: str | None) -> tuple[CanaryResult, ...]:
    """Try what namespaces alone must make impossible, before any other layer could.

    ``outside`` is a path that existed before. Raises TierUnavailable as :func:`prove` does.
    """
    return tuple(_try(canary) for canary in _of_isolation(profile, outside))


def _of_isolation(profile: Profile, outside: str | None) -> Iterator[_Canary]:
    layer = "namespaces"
    if outside is not None:
        yield _Canary(f"see {outside}", layer, functools.partial(os.stat, outside), (errno.ENOENT,))
    for folder in profile.tmpfs:
        name = f"put more than {profile.tmpfs_bytes} bytes into {folder}"
        yield _Canary(name, layer, functools.partial(_room, folder, profile.tmpfs_bytes), (errno.ENOSPC,))
    if profile.sockets == "none":
        yield _Canary("find a network interface that is up", layer, _interface_up, (errno.ENODEV,))


def _canaries(profile: Profile, outside: str | None) -> Iterator[_Canary]:
    yield _Canary("raise a resource limit", "rlimits", lambda: _raise_limit(profile))
    yield _Canary("regain a capability", "privileges", _regain_privileges)
    if outside is not None:
        yield _Canary(f"open {outside}", "landlock", lambda: _open_and_close(outside))
    yield _Canary("open a UNIX socket", "seccomp", lambda: _socket.socket(_socket.AF_UNIX).close())
    yield _Canary("make a datagram pair", "seccomp", _datagram_pair)
    if os.getppid() > 0:  # 0: the parent is outside this pid namespace, and 0 would mean our own group
        yield _Canary("signal the parent", "seccomp", lambda: os.kill(os.getppid(), 0))
    if profile.sockets == "none":
        yield _Canary("open an internet socket", "seccomp", lambda: _socket.socket(_socket.AF_INET).close())
    foreign = _foreign_program(profile)
    if profile.subprocesses and foreign is not None:
        yield _Canary(f"execute {foreign}", "landlock", lambda: os.execv(foreign, ["sh", "-c", "exit 1"]))  # noqa: S606
    if not profile.subprocesses:
        yield _Canary("fork", "seccomp", _fork)
        yield _Canary("execute a program", "seccomp", _execute)


def _try(canary: _Canary) -> CanaryResult:
    try:
        canary.attempt()
    except OSError as refusal:
        if refusal.errno is not None and refusal.errno in canary.refusals:
            return CanaryResult(canary.name, canary.layer, errno.errorcode[refusal.errno])
        raise _broken(canary, f"failed with {refusal} instead of being refused") from refusal
    raise _broken(canary, "succeeded")


def _broken(canary: _Canary, what: str) -> TierUnavailable:
    return TierUnavailable(
        f"the sandbox layer {canary.layer} claims to hold and does not: the attempt to {canary.name} {what}",
        help="nothing is run in a sandbox that does not hold; report this with the kernel's version",
    )


def _foreign_program(profile: Profile) -> str | None:
    """Return a program that exists and is not granted; were it run, this process would end with status 1."""
    path = os.path.realpath("/bin/sh")
    return None if path in profile.execute or not os.access(path, os.X_OK) else path


def _identity(path: str) -> tuple[int, int] | None:
    """Return what the kernel knows a file by: a grant covers a path when it is this file or a folder above it."""
    try:
        found = os.stat(path)  # noqa: PTH116 - before pathlib is worth importing
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _above(path: str) -> set[tuple[int, int] | None]:
    """Return the identities of ``path`` and of every folder above it, links followed."""
    parts = os.path.realpath(path).split("/")
    return {_identity("/".join(parts[:length]) or "/") for length in range(1, len(parts) + 1)} - {None}


def _opens(path: str) -> bool:
    try:
        _open_and_close(path)
    except OSError:
        return False
    return True


def _open_and_close(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def _raise_limit(profile: Profile) -> None:
    import resource

    for name in rlimits.wanted(profile):
        which: int = getattr(resource, name)
        soft, hard = resource.getrlimit(which)
        if soft != hard:
            return
        try:
            resource.setrlimit(which, (soft, hard + 1))
        except (OSError, ValueError):  # ValueError is how Python says "not allowed to raise maximum limit"
            continue
        return
    raise PermissionError(errno.EPERM, "every limit holds")


def _regain_privileges() -> None:
    if not privileges.remaining():
        raise PermissionError(errno.EPERM, "no privilege remains")


def _room(folder: str, most: int) -> None:
    size = os.statvfs(folder)
    if size.f_blocks * size.f_frsize <= most and size.f_files <= most:
        raise OSError(errno.ENOSPC, "there is no more room than that")


def _interface_up() -> None:
    from theodore_loader.sandbox import namespaces

    if not namespaces.interfaces_up():
        raise OSError(errno.ENODEV, "none is up")


def _datagram_pair() -> None:
    for end in _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_DGRAM):
        end.close()


def _other_port(profile: Profile) -> _Canary:
    port = next(number for number in range(_DISCARD_PORT, 65536) if number not in profile.connect_ports)
    return _Canary("connect to a port that is not granted", "landlock", lambda: _connect(port))


def _connect(port: int) -> None:
    with contextlib.closing(_socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)) as attempt:
        attempt.connect(("127.0.0.1", port))


def _execute() -> None:
    os.execv("/nonexistent", ["nonexistent"])  # noqa: S606 - to be refused before the path is even looked at


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
