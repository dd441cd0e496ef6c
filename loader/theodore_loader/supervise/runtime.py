"""The runtime folder: what a worker may import beyond the standard library, and nothing else of the host's.

SDK, the worker's part of the loader and msgspec are copied, content-addressed, into the state folder; compiled
once, so that a worker does not compile on every start. The host's ``site-packages`` is on no worker's path.

Workers execute these files before they are confined. So each host compares them with its own code, byte for byte,
before its first worker, and looks at every later load whether anything was touched since (``runtime_check``). A folder
that is not what it should be is made anew. Folders of former versions go when no host uses them (``runtime_use``).
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import py_compile
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import private_dir
from theodore_loader.supervise import runtime_check, runtime_use

_LOADER_PARTS = ("__init__.py", "errors.py", "permissions", "sandbox", "channel", "worker", "broker")
_SUFFIXES = (".py", ".so", ".c", ".h")  # an extension is used beside its own source only

_log = logging.getLogger("theodore_loader.runtime")
_one_at_a_time = threading.Lock()
_examined: dict[Path, runtime_check.Signature] = {}


def runtime_folder(home: Path) -> Path:
    """Return the folder for this version of the code and this interpreter; made on first use, repaired when damaged.

    Safe with several hosts and threads at once: a folder is written beside and renamed into place.
    """
    target = private_dir(home.absolute() / "runtime") / _digest()  # a worker's working folder is another
    with _one_at_a_time:
        runtime_use.touch(target)
        examined = _examined.get(target)
        if examined is None or examined != runtime_check.signature(target):
            with runtime_use.exclusive(target.parent):
                _examine(target)
                runtime_use.clear_unused(target)
            _remember(target)
    return target


def _remember(target: Path) -> None:
    found = runtime_check.signature(target)
    if found is not None:
        _examined[target] = found


def _examine(target: Path) -> None:
    problem = runtime_check.problem(target, _digests())
    if problem is None:
        return
    if target.exists():
        _log.warning("%s: %s; it is made anew", target, problem)
    _write(target)


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
def _digests() -> Mapping[str, str]:
    return {relative: hashlib.sha256(path.read_bytes()).hexdigest() for relative, path in _sources()}


@cache
def _digest() -> str:
    total = hashlib.sha256(f"{sys.implementation.cache_tag} {sys.version}".encode())
    for relative, digest in _digests().items():
        total.update(f"\0{relative}\0{digest}".encode())
    return total.hexdigest()


def _write(target: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
    try:
        for relative, path in _sources():
            copy = building / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(_unchanged(relative, path))
            if copy.suffix == ".py":
                _compile(copy, target / relative)
        runtime_check.seal(building, target)
        runtime_use.replace(target, building)
    except (OSError, ConfigurationProblem):
        shutil.rmtree(building, ignore_errors=True)
        raise


def _unchanged(relative: str, path: Path) -> bytes:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != _digests()[relative]:
        raise ConfigurationProblem(
            f"{path} was changed while this host runs: its workers would be of another version than itself",
            help="start the host again",
        )
    return data


def _compile(file: Path, final: Path) -> None:
    """Compile ``file`` for the place it will be at, so that no import has to correct the name in it."""
    py_compile.compile(
        str(file), dfile=str(final), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
