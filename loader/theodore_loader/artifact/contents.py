"""What a wheel may contain beyond being well-formed: no start-up hooks, no secrets, no undeclared machine code.

Each function looks at names and first bytes only and reports each :class:`InvalidWheel` with its own rule.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from theodore_loader.errors import InvalidWheel

_HOOK_MODULES = frozenset({"sitecustomize", "usercustomize"})
# PEP 829 adds `.start` files, which newer interpreters run like the import lines of `.pth` files.
_HOOK_SUFFIXES = (".pth", ".start")

_SECRET_NAMES = frozenset({".env", ".netrc", ".pypirc", ".npmrc", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"})
_SECRET_SUFFIXES = (".key", ".p12", ".pfx", ".jks", ".keystore")
_WORKSHOP_FOLDERS = frozenset({"__pycache__", "node_modules"})
_BYTECODE = (".pyc", ".pyo")
_NESTED_ARCHIVES = (".whl", ".egg", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z", ".rar")

# The line a key begins with, ended; code that only names it goes on with a quote.
_PRIVATE_KEY = re.compile(rb"PRIVATE KEY-----\s*(?:[\r\n]|\\[rn])")

_MACH_O = frozenset(
    bytes.fromhex(magic) for magic in ("feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe", "cafebabf")
)

HOST_PACKAGES = frozenset({"theodore_sdk", "theodore_loader", "theodore_plugin"})


def startup_hooks(entries: Mapping[str, bytes]) -> Iterator[InvalidWheel]:
    """Name what an interpreter or installer would run or place without being asked (``startup-hook-in-wheel``)."""
    for name in entries:
        if reason := hook_reason(name) or _placed_elsewhere(name):
            yield _startup_hook(name, reason)


def dependency_hooks(entries: Mapping[str, bytes]) -> Iterator[InvalidWheel]:
    """Name what would still act when a dependency is unpacked by :func:`unpacked`."""
    for name in entries:
        if reason := hook_reason(name):
            yield _startup_hook(name, reason)
        elif _is_data_code(name):
            yield _startup_hook(name, "would be importable from a place RECORD does not show")
        elif name.lower().endswith(_BYTECODE) and not _is_cached_bytecode(name):
            yield _unexpected(name, "is compiled Python without its source")


def unpacked(entries: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return what of a dependency is unpacked: no scripts, headers and shared data (``*.data/``), no bytecode caches.

    Real wheels carry both (one in twelve of 857 tried); left in the archive they can do nothing.
    """
    return {
        name: content
        for name, content in entries.items()
        if _placed_elsewhere(name) is None and not _is_cached_bytecode(name)
    }


def unexpected_files(entries: Mapping[str, bytes]) -> Iterator[InvalidWheel]:
    """Name secrets, workshop leftovers, bytecode and nested archives (``unexpected-file``)."""
    for name, content in entries.items():
        if reason := unexpected_reason(name, content):
            yield _unexpected(name, reason)


def pollution(entries: Mapping[str, bytes], dist_info: str) -> Iterator[InvalidWheel]:
    """Name more than one top-level package, or a name that hides another module (``top-level-pollution``)."""
    tops = sorted(top_levels(entries, dist_info))
    if len(tops) != 1:
        found = ", ".join(tops) or "none"
        yield _pollution(f"a plugin wheel holds exactly one top-level package, this one holds: {found}")
    elif not tops[0].isidentifier():
        yield _pollution(f"the top-level entry {tops[0]!r} is no importable package")
    yield from shadowing(entries, dist_info, rule="top-level-pollution")


def shadowing(entries: Mapping[str, bytes], dist_info: str, *, rule: str) -> Iterator[InvalidWheel]:
    """Name top-level names that hide the standard library or the host's own packages."""
    for top in sorted(top_levels(entries, dist_info)):
        if top in sys.stdlib_module_names or top in HOST_PACKAGES:
            yield InvalidWheel(
                rule,
                f"the top-level name {top!r} would hide the module of that name of the host or the standard library",
                help="rename the package",
                entry=next(name for name in entries if _top(name) == top),
            )


def top_levels(entries: Mapping[str, bytes], dist_info: str) -> frozenset[str]:
    """Return the importable top-level names: first path components, modules without their suffix."""
    return frozenset(_top(name) for name in entries if not name.startswith(f"{dist_info}/"))


def _top(name: str) -> str:
    first, slash, _ = name.partition("/")
    return first if slash else first.partition(".")[0] or first


def native_files(entries: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the names of machine code: ELF, PE or Mach-O by content, whatever the suffix says."""
    return tuple(sorted(name for name, content in entries.items() if is_machine_code(content)))


def hook_reason(name: str) -> str | None:
    """Say why an interpreter acts on a file of this name by itself, or ``None``; the name is that inside a wheel."""
    top, slash, _ = name.lower().partition("/")
    if top.endswith(_HOOK_SUFFIXES) and not slash:
        return "is a start-up file that the interpreter reads on its own"
    if top.partition(".")[0] in _HOOK_MODULES:
        return "is imported by every interpreter that sees it"
    return None


def _placed_elsewhere(name: str) -> str | None:
    outside = name.partition("/")[0].lower().endswith(".data")
    return "would be installed outside the package (scripts, headers or data)" if outside else None


def _is_data_code(name: str) -> bool:
    top, _, rest = name.lower().partition("/")
    return top.endswith(".data") and rest.startswith(("purelib/", "platlib/"))


def _is_cached_bytecode(name: str) -> bool:
    return name.lower().endswith(_BYTECODE) and "/__pycache__/" in f"/{name}"


def unexpected_reason(name: str, content: bytes) -> str | None:
    """Say why a file has no place in a plugin's wheel, or ``None``; the first 4096 bytes of it are enough."""
    path = PurePosixPath(name.lower())
    # Version control, editors and caches all keep their state in folders with a leading dot.
    if leftovers := [part for part in path.parts[:-1] if part.startswith(".") or part in _WORKSHOP_FOLDERS]:
        return f"lies in {leftovers[0]!r}, which belongs to the author's workshop"
    if path.name.endswith(_BYTECODE):
        return "is compiled Python, which nobody can review"
    if path.name in _SECRET_NAMES or path.name.startswith(".env.") or path.suffix in _SECRET_SUFFIXES:
        return "looks like a secret"
    if _PRIVATE_KEY.search(content[:4096]):
        return "contains a private key"
    if path.name.endswith(_NESTED_ARCHIVES):
        return "is an archive inside the archive"
    return None


def is_machine_code(content: bytes) -> bool:
    """Whether a file is ELF, PE or Mach-O, given its beginning (the PE header has to lie in it)."""
    return content[:4] == b"\x7fELF" or content[:4] in _MACH_O or _is_portable_executable(content)


def _is_portable_executable(content: bytes) -> bool:
    # "MZ" alone begins many a harmless text; the loader follows the offset at 0x3c, and so does this.
    if content[:2] != b"MZ" or len(content) < 0x40:
        return False
    header = int.from_bytes(content[0x3C:0x40], "little")
    return content[header : header + 4] == b"PE\0\0"


def _startup_hook(name: str, reason: str) -> InvalidWheel:
    return InvalidWheel(
        "startup-hook-in-wheel",
        f"entry {name!r} {reason}",
        help="remove it; a plugin's code runs only when the host calls it",
        entry=name,
    )


def _unexpected(name: str, reason: str) -> InvalidWheel:
    return InvalidWheel("unexpected-file", f"entry {name!r} {reason}", help="exclude it from the build", entry=name)


def _pollution(message: str) -> InvalidWheel:
    return InvalidWheel(
        "top-level-pollution", message, help="ship one package; move tests, docs and tools out of the wheel"
    )
