"""What an answer depends on besides the package: arguments, terminal, interpreter, and the program's own code.

Imported by every unchanged run before anything else; it imports next to nothing.
"""

from __future__ import annotations

import os
import sys

from theodore_plugin.survey.witness import site_digest

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_VARIABLES = (
    "CI_PROJECT_DIR",
    "COLORTERM",
    "COLUMNS",
    "FORCE_COLOR",
    "GITHUB_WORKSPACE",
    "GITHUB_WORKSPACE",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LINES",
    "NO_COLOR",
    "PYTHONHOME",
    "PYTHONIOENCODING",
    "PYTHONPATH",
    "PYTHONUSERBASE",
    "TERM",
    "THEODORE_PLUGIN_CONFIG",
    "THEODORE_PLUGIN_HOME",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
    "VIRTUAL_ENV",
)
_NETWORK = frozenset(
    {
        "ALL_PROXY",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
    }
)
"""Whom a vulnerability service is asked through, in either case."""


def circumstances(arguments: Sequence[str]) -> Iterator[str]:
    """Yield everything an answer depends on besides its witnesses."""
    yield from arguments
    yield os.getcwd()
    yield f"{sys.version} {sys.prefix} {sys.flags} {sys.implementation.cache_tag} {len(sys.path)} {sys.path}"
    for name in _VARIABLES:
        yield f"{name}={os.environ.get(name)}"
    for name in sorted(os.environ):
        if name.startswith("THEODORE_PLUGIN_") or name.upper() in _NETWORK:
            yield f"{name}={os.environ[name]}"
    for stream in (sys.stdout, sys.stderr):
        yield f"{stream is not None and (stream.isatty(), stream.encoding)}"
    for descriptor in (0, 1, 2):
        yield _terminal(descriptor)
    yield from _code()


def _terminal(descriptor: int) -> str:
    try:
        return str(os.get_terminal_size(descriptor))
    except OSError:
        return "none"


def _code() -> Iterator[str]:
    """Yield what identifies the program's own code and data: a change of any of its files changes it."""
    toolchain = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    beside = {os.path.dirname(toolchain)}
    for entry in sys.path:
        if os.path.isfile(f"{entry}/theodore_loader/__init__.py"):
            beside.add(entry)
            break
    roots = [toolchain]
    for folder in sorted(beside):
        roots += [f"{folder}/theodore_loader", f"{folder}/theodore_sdk", f"{os.path.dirname(folder)}/policies"]
        yield f"{folder} {site_digest(folder)}"
    for folder in sys.path:  # tools and scanners may be installed elsewhere than this program
        if folder.endswith("-packages") and folder not in beside:
            yield f"{folder} {site_digest(folder)}"
    for root in dict.fromkeys(roots):
        yield from _stamps(root)


def _stamps(root: str) -> Iterator[str]:
    """Yield name, size and times of every file; its content is our own and would only be changed by changing those."""
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=_name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    pending.append(entry.path)
            else:
                status = entry.stat()
                yield f"{entry.path} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
