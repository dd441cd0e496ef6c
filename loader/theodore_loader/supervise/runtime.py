"""The runtime folder: what a worker may import beyond the standard library, and nothing else of the host's.

SDK, the worker's part of the loader and msgspec are copied, content-addressed, into the state folder; compiled
once, so that a worker does not compile on every start. The host's ``site-packages`` is on no worker's path.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import py_compile
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from theodore_loader.paths import private_dir

_LOADER_PARTS = ("__init__.py", "errors.py", "permissions", "sandbox", "channel", "worker", "broker")
_SUFFIXES = (".py", ".so", ".c", ".h")  # an extension is used beside its own source only


def runtime_folder(home: Path) -> Path:
    """Return the folder for this version of the code and this interpreter; made on first use.

    Safe with several hosts at once: written beside, renamed into place, and a folder that exists is complete.
    """
    files = _sources()
    target = private_dir(home / "runtime") / _digest(files)
    if not target.is_dir():
        _write(files, target)
    return target


@cache
def _sources() -> tuple[tuple[str, Path], ...]:
    return tuple(sorted({**dict(_package("theodore_sdk")), **dict(_package("msgspec")), **dict(_loader())}.items()))


def _package(name: str) -> Iterator[tuple[str, Path]]:
    root = _root(name)
    for path in root.rglob("*"):
        if path.suffix in _SUFFIXES and "__pycache__" not in path.parts:
            yield f"{name}/{path.relative_to(root).as_posix()}", path


def _loader() -> Iterator[tuple[str, Path]]:
    for relative, path in _package("theodore_loader"):
        if relative.split("/")[1] in _LOADER_PARTS:
            yield relative, path


def _root(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"package {name} is missing from this installation")
    return Path(spec.origin).parent


@cache
def _digest(files: tuple[tuple[str, Path], ...]) -> str:
    total = hashlib.sha256(f"{sys.implementation.cache_tag} {sys.version}".encode())
    for relative, path in files:
        total.update(f"\0{relative}\0{hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return total.hexdigest()


def _write(files: tuple[tuple[str, Path], ...], target: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
    try:
        for relative, path in files:
            copy = building / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            if copy.suffix == ".py":
                py_compile.compile(
                    str(copy),
                    dfile=relative,
                    doraise=True,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                )
        _make_read_only(building)
        building.rename(target)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        if not target.is_dir():  # another host was faster
            raise


def _make_read_only(folder: Path) -> None:
    for root, _folders, names in os.walk(folder, topdown=False):
        for name in names:
            Path(root, name).chmod(0o444)
        if Path(root) != folder:
            Path(root).chmod(0o555)
