"""Step 7: import what cannot be imported later.

With W^X the kernel refuses new executable mappings, so every extension module of the standard library a plugin
might use has to be mapped before. Only the extension modules are imported here: they are what needs mapping;
the Python around them is read when a plugin imports it.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import warnings

EVENT_LOOP = ("asyncio", "encodings.idna", "encodings.utf_8", "logging", "socket", "ssl", "traceback")
"""What the worker itself runs on."""
CONFINEMENT = ("theodore_loader.sandbox.filter_program", "theodore_loader.sandbox.namespaces")
"""What confinement imports where it is needed; a program that was handed its filter needs neither."""

_SKIPPED = frozenset(
    {
        *("_curses", "_curses_panel", "_tkinter", "readline", "nis", "ossaudiodev", "spwd", "audioop", "_crypt"),
        # reaching around the audit hook; who is granted native code imports them, for then nothing is preloaded
        *("_ctypes", "_interpreters", "_interpchannels", "_interpqueues", "_posixshmem", "_remote_debugging"),
        *("xxlimited", "xxlimited_35", "xxsubtype", "_xxtestfuzz", "_ctypes_test", "syslog", "termios", "mmap_test"),
    }
)
"""Terminals, removed modules, foreign functions and CPython's own test fixtures."""


@functools.cache
def preload(extension_modules: bool) -> None:
    """Import the event loop and, if asked, every extension module of the standard library; once per zygote."""
    for name in (*EVENT_LOOP, *CONFINEMENT):
        importlib.import_module(name)
    if extension_modules:
        for name in _extension_modules():
            _try_import(name)


def _extension_modules() -> list[str]:
    folders = [path for path in sys.path if path.endswith("lib-dynload")]
    files = [name for folder in folders if os.path.isdir(folder) for name in os.listdir(folder)]  # noqa: PTH112, PTH208
    names = {file.partition(".")[0] for file in files if file.endswith(".so")}
    return sorted(name for name in names - _SKIPPED if not name.startswith(("_test", "_xx")))


def _try_import(name: str) -> None:
    """Import a module, unless its library is missing on this machine: then it cannot be imported later either."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module(name)
        except ImportError:
            return
