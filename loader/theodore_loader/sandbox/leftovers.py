"""Clear away the tools that confinement itself used, before strangers' code could pick them up.

With the extension nothing is left but the extension's own system call, which installing the hook takes away for good
(``native/module.c``). Without it ctypes was imported, and removing it from ``sys.modules`` hides it and no more: its
types can still be found, and calls through a foreign function that exists already raise no audit event. That is why
this is tidiness before the hook and not a layer.
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from theodore_loader.sandbox import libc
from theodore_sdk.errors import PluginPermissionError


def clear(*, native: bool, programs: bool) -> None:
    """Forget the C library unless native code is granted; stub process creation unless a program is."""
    if not native and ("ctypes" in sys.modules or "_ctypes" in sys.modules):  # looking at all costs a worker 0.4 MiB
        libc.forget()
        for name in [name for name in sys.modules if name.partition(".")[0] in ("ctypes", "_ctypes")]:
            del sys.modules[name]
    if not programs:
        _stub_process_creation()


def _stub_process_creation() -> None:
    """``_posixsubprocess.fork_exec`` raises no audit event before Python 3.14, and asyncio imports the module."""
    try:
        import _posixsubprocess
    except ImportError:
        return
    modules: tuple[Any, ...] = (_posixsubprocess, sys.modules.get("subprocess"))
    for module in modules:
        for name in ("fork_exec", "_fork_exec"):
            if hasattr(module, name):
                setattr(module, name, _refuse)


def _refuse(*_arguments: object) -> NoReturn:
    raise PluginPermissionError("subprocess", "_posixsubprocess.fork_exec")
