"""Layer 5: resource limits, soft = hard, so that nothing inside can raise them again.

``RLIMIT_DATA`` and never ``RLIMIT_AS``: address space is not memory, and at 256 MiB of it six threads start. Shared
anonymous mappings are not data; seccomp refuses those. Nor is the stack of the main thread, which some machines leave
unlimited; it has a limit of its own. ``RLIMIT_NPROC`` is not used: it counts every process of the
user, siblings included, and does not bind root, so the number of processes is 0 (seccomp) or not limited here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from theodore_loader.sandbox.profile import Profile

STACK_BYTES = 8 << 20
"""What Linux gives every program that asks for nothing else."""


def available() -> bool:
    """Say whether this operating system has resource limits."""
    return sys.platform != "win32"


def wanted(profile: Profile) -> Mapping[str, int]:
    """Return limit name -> value for ``profile``."""
    limits = {
        "RLIMIT_DATA": profile.memory_bytes,
        "RLIMIT_NOFILE": profile.open_files,
        "RLIMIT_FSIZE": profile.file_bytes,
        "RLIMIT_CORE": profile.core_bytes,
        "RLIMIT_STACK": STACK_BYTES,
    }
    return limits if profile.cpu_seconds is None else {**limits, "RLIMIT_CPU": profile.cpu_seconds}


def apply(profile: Profile) -> str:
    """Set every limit for good and read it back; return one line that says what holds.

    A limit that is already lower stays as it is: an ordinary user cannot raise it, and it is the stricter one.

    Raises:
        OSError: a limit did not take.

    """
    held = {name: _lower(name, value) for name, value in wanted(profile).items()}
    return ", ".join(f"{name.removeprefix('RLIMIT_').lower()} {value}" for name, value in held.items())


def held(profile: Profile) -> Mapping[str, tuple[int, int]]:
    """Return limit name -> (soft, hard) as they are now, for what :func:`wanted` names."""
    import resource

    return {name: resource.getrlimit(getattr(resource, name)) for name in wanted(profile)}


def _lower(name: str, value: int) -> int:
    import resource

    which: int = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))
    if resource.getrlimit(which) != (value, value):
        raise OSError(f"{name} is {resource.getrlimit(which)} after it was set to {value}")
    return value
