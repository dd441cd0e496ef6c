"""What each configuration is not for, with the reason: everything else it must stop."""

from __future__ import annotations

import sys

METADATA = "Landlock does not govern stat: a name space of files without the others does"
MEMORY = "memory corruption inside the worker: what it then reaches, the rest tries"
HARMLESS = {"131_static_str_format_walk": "reads names of its own worker, which any code of the plugin may"}

BEYOND_THE_WORKER: dict[str, dict[str, str]] = {
    "standard": {"metadata-of-others": METADATA, "047_uaf_memoryview": MEMORY, **HARMLESS},
    "isolated": {"047_uaf_memoryview": MEMORY, **HARMLESS},
}
"""By tier, what a real worker does not stop, and why that is lived with; also in docs/threat-model.md."""

NOT_THE_KERNELS = {
    "metadata-of-others": METADATA,
    "047_uaf_memoryview": MEMORY,
    "many-small-files": "a limit of one file is no limit of a folder: the host counts, a private file system ends",
}
"""What the kernel layers of the standard tier cannot know."""

GRANTED_NOW = {
    "outlive-the-call": "a granted program needs fork; what is left behind ends with the worker",
    "fork-without-event": "the same",
    "native-code-from-data": "a granted program maps its own code, so W^X no longer covers what is written first",
    "native-code-later": "the same",
}
"""What a grant for one program opens by itself."""

HOOK_IS_BLIND = {
    "metadata-of-others": "stat raises no event",
    "folder-descriptor": "the event of open has no dir_fd",
    "library-opens-the-file": "SQLite opens in C",
    "vacuum-elsewhere": "SQLite opens in C",
    "change-mode-of-readable": "fchmod of a descriptor that may be read",
    "change-times-by-descriptor": "futimens of a descriptor that may be read",
    "pipe-elsewhere": "mkfifo raises no event",
    "named-shared-memory": "shm_open raises no event",
    "big-pipes": "fcntl raises an event for every harmless use, too",
    "signal-by-owner": "fcntl, the same",
    "signal-by-descriptor": "no event",
    "slow-the-host": "no event",
    "pin-the-host": "no event",
    "idle-the-host": "no event",
    "look-around": "the event of socket() is everybody's; without an address nothing tells it from an honest one",
    "other-machine": "the same",
    "listen-without-bind": "listen raises no event",
    "read-inherited-descriptor": "reading raises no event",
    "device-of-its-own": "mknod raises no event",
}
"""No event, or one without the decisive argument: the kernel layers are for these."""

if sys.version_info >= (3, 13):
    HOOK_IS_BLIND["exception-from-a-timer"] = "a handler that runs on top of a hook in Python may write its variables"


def hooks() -> tuple[str, ...]:
    """Return the hooks this installation has: the one in C where it was compiled, the one in Python always."""
    try:
        from theodore_loader.sandbox import native
    except ImportError:
        return ("python-hook",)
    return ("python-hook",) if native.extension() is None else ("python-hook", "hook")


HOOKS = hooks()
