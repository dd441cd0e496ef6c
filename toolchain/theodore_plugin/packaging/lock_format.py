"""The one spelling of a lock: same resolution, same bytes, whatever index or mirror it was made through.

A ``pylock.toml`` (PEP 751) may state URLs, sizes and index addresses. This project's keeps what decides what is
installed (names, versions, markers, file names and SHA-256), who depends on whom, and when a file was uploaded, and
drops what says where it came from; ``docs/decisions/0004-lock-without-index.md`` gives the reasons.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

if TYPE_CHECKING:
    from packaging.pylock import Package, PackageWheel, Pylock

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
    if package.dependencies is not None:  # nothing recorded and nothing needed are two things
        yield from _array("dependencies", sorted({_dependency(entry) for entry in package.dependencies}))
    files = {(wheel.filename, wheel.hashes["sha256"]): wheel for wheel in package.wheels or ()}
    yield from _array("wheels", [_wheel(wheel) for wheel in sorted(files.values(), key=_wheel_order)])


def _dependency(entry: Mapping[str, object]) -> str:
    stated = [f"{key} = {_text(str(entry[key]))}" for key in ("name", "version") if key in entry]
    return f"{{ {', '.join(stated)} }}"


def _wheel(wheel: PackageWheel) -> str:
    uploaded = f"upload-time = {_moment(wheel.upload_time)}, " if wheel.upload_time is not None else ""
    digest = _text(wheel.hashes["sha256"])
    return f"{{ path = {_text(wheel.filename)}, {uploaded}hashes = {{ sha256 = {digest} }} }}"


def _moment(moment: datetime) -> str:
    known = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)  # PEP 751: UTC
    return known.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wheel_order(wheel: PackageWheel) -> tuple[str, str, str]:
    _, _, build, _ = parse_wheel_filename(wheel.filename)
    return (str(build), wheel.filename, wheel.hashes["sha256"])


def _array(key: str, items: Sequence[str]) -> list[str]:
    return [f"{key} = [", *(f"    {item}," for item in items), "]"] if items else [f"{key} = []"]


def _text(value: str) -> str:
    # A TOML basic string and a JSON string agree on every character that names, versions and markers contain.
    return json.dumps(value, ensure_ascii=True)
