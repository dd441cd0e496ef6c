"""What ``theodore-plugin package`` shows: the wheel it made, or what one ships."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theodore_plugin.cli.console import stdout, visible

if TYPE_CHECKING:
    from theodore_loader.artifact.wheel import Wheel
    from theodore_plugin.packaging.listing import Shipped
    from theodore_plugin.packaging.package import Packaged
    from theodore_plugin.packaging.reproduce import Reproduction
    from theodore_plugin.settings import Options

_DIGITS, _FEWEST_DIGITS = 64, 6


def show_packaged(packaged: Packaged, same: Sequence[str], output_format: str) -> None:
    """Show the wheel that was written, how it came about, and what comes next."""
    if output_format == "json":
        _print_json(_as_json(packaged))
        return
    wheel, build = packaged.wheel, packaged.build
    stdout.print(visible(f"packaged {packaged.wheel_path}"), style="bold")
    rows = [
        ("plugin", f"{wheel.name} {wheel.version}"),
        ("sha256", wheel.sha256),
        ("size", f"{len(wheel.data):,} bytes, {len(wheel.entries)} files"),
        ("locked", f"{packaged.locked} distributions"),
        ("check", packaged.report.verdict.value),
        ("build", f"{build.backend}, {len(build.requirements)} requirements, Python {build.python}"),
    ]
    if packaged.reproduction is not None:
        rows.append(("again", _again(packaged.reproduction)))
    for label, value in rows:
        stdout.print(visible(f"  {label:<7} {value}"))
    stdout.print(visible(f"next: theodore-plugin sign {shlex.join([str(packaged.wheel_path), *same])}"))


def show_shipped(path: Path, options: Options, output_format: str) -> None:
    """Show every file of a wheel, or of the wheel that a project would become; nothing is written."""
    from theodore_plugin.packaging.listing import read_shipped, shipped, would_ship
    from theodore_plugin.project import PluginProject
    from theodore_plugin.settings import Settings

    project = PluginProject.open(path)
    wheel = read_shipped(path) if project.is_wheel else would_ship(project, Settings.load(project, options))
    files = shipped(wheel)
    if output_format == "json":
        _print_json(_listing_json(wheel, files))
        return
    stdout.print(visible(wheel.filename), style="bold")
    for line in _table(files):
        stdout.print(visible(line))
    stdout.print(visible(f"{len(files)} files, {len(wheel.data):,} bytes, sha256 {wheel.sha256}"))


def _table(files: Sequence[Shipped]) -> Iterator[str]:
    """Align mode, size and name; a narrow terminal gets the beginning of the digest, everything else all of it."""
    sizes = [f"{file.size:,}" for file in files]
    wide, long = max(map(len, sizes), default=0), max((len(file.name) for file in files), default=0)
    room = stdout.width - len(f"-rw-r--r--  {'':>{wide}}  {'':<{long}}  ") if stdout.is_terminal else _DIGITS
    for file, size in zip(files, sizes, strict=True):
        digest = file.sha256 if room >= _DIGITS else f"{file.sha256[: max(room - 1, _FEWEST_DIGITS)]}…"
        yield f"{file.mode}  {size:>{wide}}  {file.name:<{long}}  {digest}"


def _again(reproduction: Reproduction) -> str:
    if reproduction.native is not None:
        return f"not tried: {reproduction.native} is machine code, and compilers are held to nothing here"
    leak = reproduction.taken_out
    said = f"; the backend's own archives differ ({leak.message}), which normalising takes out" if leak else ""
    return f"the same digest under another {', '.join(reproduction.variants)}{said}"


def _as_json(packaged: Packaged) -> Mapping[str, Any]:
    wheel, build, reproduction = packaged.wheel, packaged.build, packaged.reproduction
    return {
        "wheel": str(packaged.wheel_path),
        "name": wheel.name,
        "version": wheel.version,
        "sha256": wheel.sha256,
        "bytes": len(wheel.data),
        "locked": packaged.locked,
        "check": packaged.report.verdict.value,
        "build": {
            "backend": build.backend,
            "python": build.python,
            "epoch": build.epoch,
            "requirements": [
                {"name": item.name, "version": item.version, "sha256": item.sha256, "filename": item.filename}
                for item in build.requirements
            ],
        },
        "reproducible": reproduction.reproducible if reproduction else None,
        "files": _files_json(wheel),
    }


def _listing_json(wheel: Wheel, files: Sequence[Shipped]) -> Mapping[str, Any]:
    return {
        "filename": wheel.filename,
        "name": wheel.name,
        "version": wheel.version,
        "sha256": wheel.sha256,
        "bytes": len(wheel.data),
        "files": [{"name": file.name, "bytes": file.size, "sha256": file.sha256, "mode": file.mode} for file in files],
    }


def _files_json(wheel: Wheel) -> Sequence[Mapping[str, Any]]:
    from theodore_plugin.packaging.listing import shipped

    files: Sequence[Mapping[str, Any]] = _listing_json(wheel, shipped(wheel))["files"]
    return files


def _print_json(document: Mapping[str, Any]) -> None:
    stdout.out(json.dumps(document, indent=2), highlight=False)
