"""The folders a Python interpreter needs to read, found for the running one or for a virtual environment's."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

SYSTEM_LIBRARIES = ("/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
"""Shared objects; mapping them executable needs the right to read only."""

SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/usr/share/zoneinfo",
    "/usr/share/locale",
    "/dev/random",
    "/dev/urandom",
)

CERTIFICATES = (
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates/extracted",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)
"""Public certificates; never ``/etc/ssl/private``."""

RESOLVER = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
)
"""What the C library reads to resolve a name; only for ``sockets="outbound"``."""


def read_paths(executable: str | Path | None = None) -> tuple[str, ...]:
    """Return what the interpreter ``executable`` (default: the running one) must read to run and import.

    Its standard library, its own ``site-packages``, shared objects, certificates, time zones and the harmless devices;
    of a virtual environment also the base installation named in ``pyvenv.cfg``.
    """
    own = _running() if executable is None else _of_executable(Path(executable))
    return _existing((*own, *SYSTEM_LIBRARIES, *SYSTEM_FILES, *CERTIFICATES))


def stdlib_paths() -> tuple[str, ...]:
    """Return the folders of the running interpreter's standard library, its extension modules included."""
    names = ("stdlib", "platstdlib")
    found = [sysconfig.get_path(name) for name in names]
    dynload = os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload")  # noqa: PTH118 - strings all the way here
    return _existing((*found, dynload, *(path for path in sys.path if path.endswith("lib-dynload"))))


def _running() -> Iterator[str]:
    yield from stdlib_paths()
    yield from (sysconfig.get_path(name) for name in ("purelib", "platlib"))
    yield str(Path(sys.prefix, "pyvenv.cfg"))
    yield from _installation(Path(sys.base_prefix))
    library = sysconfig.get_config_var("LIBDIR")
    if library:
        yield from _shared_objects(Path(library))


def _of_executable(executable: Path) -> Iterator[str]:
    """``<prefix>/bin/python`` of a virtual environment, or of an installation."""
    prefix = executable.absolute().parent.parent
    configuration = prefix / "pyvenv.cfg"
    yield str(configuration)
    yield from _installation(prefix)
    yield from _installation(executable.resolve().parent.parent)
    home = _home(configuration)
    if home is not None:
        yield from _installation(home.parent)


def _home(configuration: Path) -> Path | None:
    try:
        lines = configuration.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    values = dict(line.partition("=")[::2] for line in lines)
    named = {key.strip(): value.strip() for key, value in values.items()}
    return Path(named["home"]) if "home" in named else None


def _installation(prefix: Path) -> Iterator[str]:
    for library in ("lib", "lib64", "Lib"):
        yield from (str(path) for path in sorted((prefix / library).glob("python3*")))
        yield from _shared_objects(prefix / library)


def _shared_objects(folder: Path) -> Iterator[str]:
    yield from (str(path) for path in sorted(folder.glob("libpython*")))


def _existing(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for path in paths if os.path.exists(path)))  # noqa: PTH110
