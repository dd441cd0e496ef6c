"""The one spelling of a lock: same resolution, same bytes, whatever index or mirror it was made through.

A ``pylock.toml`` (PEP 751) may state URLs, sizes, upload times and index addresses. This project's keeps what
decides what is installed (names, versions, markers, file names and SHA-256) and drops what says where it came from;
``docs/decisions/0004-lock-without-index.md`` gives the reasons.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock

CREATED_BY = "theodore-plugin"


def canonical_lock(lock: Pylock, *, requires_python: str | None = None) -> bytes:
    """Write ``lock``, which :func:`theodore_loader.artifact.lock.read_lock` accepted, in canonical form.

    ``requires_python`` is the range to state if the lock states none.
    """
    packages = sorted(lock.packages, key=lambda package: (package.name, str(package.version), str(package.marker)))
    lines = list(_head(lock, str(lock.requires_python or requires_python or "")))
    if not packages:
        lines.append("packages = []")
    for package in packages:
        lines += ["", "[[packages]]", *_package(package)]
    return ("\n".join(lines) + "\n").encode()


def _head(lock: Pylock, requires_python: str) -> Iterator[str]:
    yield 'lock-version = "1.0"'
    if lock.environments:
        yield from _array("environments", sorted(_text(str(marker)) for marker in lock.environments))
    if requires_python:
        yield f"requires-python = {_text(requires_python)}"
    yield f"created-by = {_text(CREATED_BY)}"


def _package(package: Package) -> Iterator[str]:
    yield f"name = {_text(package.name)}"
    yield f"version = {_text(str(package.version))}"
    if package.marker is not None:
        yield f"marker = {_text(str(package.marker))}"
    if package.requires_python is not None:
        yield f"requires-python = {_text(str(package.requires_python))}"
    files = sorted({(wheel.filename, wheel.hashes["sha256"]) for wheel in package.wheels or ()}, key=_wheel_order)
    yield from _array(
        "wheels", [f"{{ path = {_text(name)}, hashes = {{ sha256 = {_text(sha256)} }} }}" for name, sha256 in files]
    )


def _wheel_order(file: tuple[str, str]) -> tuple[str, str, str]:
    _, _, build, _ = parse_wheel_filename(file[0])
    return (str(build), *file)


def _array(key: str, items: Sequence[str]) -> list[str]:
    return [f"{key} = [", *(f"    {item}," for item in items), "]"]


def _text(value: str) -> str:
    # A TOML basic string and a JSON string agree on every character that names, versions and markers contain.
    return json.dumps(value, ensure_ascii=True)
