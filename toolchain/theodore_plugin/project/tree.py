"""Source trees, read into memory: what of them would be shipped, what lies beside it, and what could not be read.

There are two readers, one over a folder and one over a mapping in memory; what they see is selected alike
(:mod:`theodore_plugin.project.shipping`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from theodore_loader import strict_toml
from theodore_loader.errors import ConfigurationProblem, NothingToDo
from theodore_plugin.project.core_metadata import sdist_table
from theodore_plugin.project.ignored import ignored_configs
from theodore_plugin.project.model import (
    API_USAGE_NAME,
    HEAD_BYTES,
    LOCK_NAME,
    PKG_INFO,
    PYPROJECT,
    SBOM_NAME,
    PluginProject,
    SkippedFile,
    SourceFile,
    UnreadableFile,
)
from theodore_plugin.project.pyproject_types import refuse_wrong_types
from theodore_plugin.project.shipping import (
    configuration,
    has_src,
    module_name,
    package_roots,
    select_shipped,
    would_ship,
)
from theodore_plugin.project.texts import MAX_TEXT_BYTES, Reader, texts_of
from theodore_plugin.project.walk import LINK, Listing, list_names, walk

MAX_FILE_BYTES = 2 * 1024 * 1024
"""A larger Python file is data in disguise; it is reported as not analysed."""
MAX_TOTAL_BYTES = 64 * 1024 * 1024


def open_tree(root: Path) -> PluginProject:
    """Read a folder. Raises ConfigurationProblem or NothingToDo."""
    listing = walk(root)
    if not listing.files and not listing.unreadable:
        raise NothingToDo(
            f"{root} holds no files", help="create a plugin with: theodore-plugin new NAME --category scraper"
        )
    readable: dict[str, bytes] = {}
    wanted = set(select_shipped(listing.files, listing.skipped)) | configuration(listing.files)
    listing.unreadable += [UnreadableFile(path, LINK) for path in would_ship(listing.outside, listing.files)]
    for path in sorted(wanted):
        _read_into(readable, listing, root, path)
    reader = partial(_text_at, root, readable)
    return _assemble(listing, readable, root=root, label=root.resolve().name or "project", read=reader)


def open_package(root: Path, package: str) -> PluginProject:
    """Read a folder that is a package itself: everything in it counts, importable as ``package``.

    Raises ConfigurationProblem or NothingToDo.
    """
    listing = walk(root)
    contents: dict[str, bytes] = {}
    for path in listing.files:
        if path.endswith(".py"):
            _read_into(contents, listing, root, path)
    if not contents and not listing.unreadable:
        raise NothingToDo(f"{root} holds no Python file", help="point at a folder with Python code")
    prefix = package.replace(".", "/")
    inside = {f"{prefix}/{path}": data for path, data in sorted(contents.items())}
    return PluginProject(
        root=root,
        label=root.resolve().name or package,
        files=tuple(SourceFile.of(path, module_name(path), data) for path, data in inside.items()),
        package_roots=(prefix,),
        skipped=tuple(SkippedFile(f"{prefix}/{item.path}", item.reason) for item in listing.skipped),
        unreadable=tuple(UnreadableFile(f"{prefix}/{item.path}", item.reason) for item in listing.unreadable),
        members=tuple(f"{prefix}/{path}" for path in listing.files),
    )


def project_from_contents(files: Mapping[str, bytes], *, label: str) -> PluginProject:
    """Build a project from a mapping of relative POSIX paths to contents."""
    return _assemble(list_names(files), files, root=Path(label), label=label, read=files.get)


def _assemble(
    listing: Listing, contents: Mapping[str, bytes], *, root: Path, label: str, read: Reader
) -> PluginProject:
    skipped = list(listing.skipped)
    shipped = select_shipped(listing.files, skipped)
    text, table = _pyproject(contents)
    if "project" not in table and PKG_INFO in contents:
        table = {**table, "project": sdist_table(contents[PKG_INFO].decode("utf-8", "replace"))}
    src_layout = has_src(listing.files)
    sources = tuple(
        SourceFile.of(path, module_name(path, src_layout=src_layout), contents[path])
        for path in shipped
        if path.endswith(".py") and path in contents
    )
    known = {file.path for file in sources}
    shipped_data = {path: contents[path] for path in shipped if path in contents and path not in known}
    texts, not_texts = texts_of((path for path in listing.files if path not in known), read, shipped_data)
    return PluginProject(
        root=root,
        label=label,
        files=sources,
        pyproject=table,
        pyproject_text=text,
        package_roots=package_roots(shipped),
        lock=contents.get(LOCK_NAME),
        sbom=contents.get(SBOM_NAME),
        api_usage=contents.get(API_USAGE_NAME),
        skipped=tuple(sorted(skipped, key=lambda item: item.path)),
        unreadable=tuple(sorted(listing.unreadable, key=lambda item: item.path)),
        ignored_configs=ignored_configs(listing.files, contents),
        members=tuple(shipped),
        heads={path: data[:HEAD_BYTES] for path, data in shipped_data.items()},
        beside=tuple(sorted(set(listing.files) - set(shipped))),
        texts=texts,
        not_texts=not_texts,
    )


def _read_into(contents: dict[str, bytes], listing: Listing, root: Path, path: str) -> None:
    try:
        size = (root / path).stat().st_size
        if size > MAX_FILE_BYTES:
            reason = f"larger than {MAX_FILE_BYTES // 1024} KiB ({size} bytes)"
            listing.unreadable.append(UnreadableFile(path, reason))
            return
        contents[path] = (root / path).read_bytes()
    except OSError as error:
        listing.unreadable.append(UnreadableFile(path, f"cannot be read: {error.strerror}"))
    if sum(map(len, contents.values())) > MAX_TOTAL_BYTES:
        raise ConfigurationProblem(
            f"{root} holds more than {MAX_TOTAL_BYTES // 2**20} MiB of source", help="point at the plugin's own folder"
        )


def _text_at(root: Path, readable: Mapping[str, bytes], path: str) -> bytes | None:
    """Return what lies beside the package: as it was read already, or read now if it is not too large for a text."""
    if path in readable:
        return readable[path]
    try:
        with (root / path).open("rb") as file:
            return file.read(MAX_TEXT_BYTES + 1)
    except OSError:
        return None


def _pyproject(contents: Mapping[str, bytes]) -> tuple[str, Mapping[str, Any]]:
    data = contents.get(PYPROJECT)
    if data is None:
        return "", {}
    try:
        text = data.decode("utf-8")
        table = strict_toml.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigurationProblem(
            f"{PYPROJECT}:{data[: error.start].count(10) + 1}: not UTF-8 (byte {error.start})",
            help="save the file as UTF-8",
        ) from error
    except ValueError as error:
        raise ConfigurationProblem(
            f"{PYPROJECT} is not valid TOML: {error}", help="correct the file at the place named"
        ) from error
    refuse_wrong_types(text, table)
    return text, table
