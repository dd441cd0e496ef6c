"""Wheels: every Python file in the archive is checked, because every one of them would be importable."""

from __future__ import annotations

from configparser import ConfigParser
from configparser import Error as ConfigParserError
from pathlib import Path
from typing import Any

from theodore_loader.artifact.wheel import LOCK_NAME, Wheel
from theodore_loader.manifest import MANIFEST_NAME
from theodore_plugin.project.core_metadata import project_table
from theodore_plugin.project.model import HEAD_BYTES, PluginProject, SkippedFile, SourceFile, UnreadableFile
from theodore_plugin.project.shipping import module_name
from theodore_plugin.project.texts import texts_of
from theodore_plugin.project.tree import MAX_FILE_BYTES
from theodore_plugin.project.wheel_survey import Survey, survey, unread_survey

_REFUSED = "refused as an entry of the archive"


def open_wheel(path: Path, data: bytes) -> PluginProject:
    """Read a wheel as far as it can be read; what is wrong with it is in ``defects``."""
    return _surveyed(survey(data, path.name), path)


def open_oversized_wheel(path: Path, size: int, limit: int) -> PluginProject:
    """Take in a file that is too large to be read: all that can be said of it is that."""
    return _surveyed(unread_survey(path.name, size, limit), path)


def project_of(wheel: Wheel, path: Path) -> PluginProject:
    """View an already read wheel as a project."""
    return _surveyed(Survey(wheel), path)


def _surveyed(found: Survey, path: Path) -> PluginProject:
    wheel = found.wheel
    metadata_path = f"{wheel.dist_info}/METADATA"
    text = wheel.entries.get(metadata_path, b"").decode("utf-8", "replace")
    code = {name: content for name, content in wheel.entries.items() if not name.startswith(f"{wheel.dist_info}/")}
    data = {name: content for name, content in wheel.entries.items() if not _is_source(name, content)}
    texts, not_texts = texts_of(data, data.get, data)
    return PluginProject(
        root=path,
        label=wheel.filename,
        files=tuple(
            SourceFile.of(name, module_name(name), content)
            for name, content in sorted(code.items())
            if _is_source(name, content)
        ),
        pyproject={"project": project_table(text) | _registered(wheel)},
        pyproject_text=text,
        project_file=metadata_path,
        package_roots=tuple(sorted({name.split("/", 1)[0] for name in code})),
        is_wheel=True,
        defects=found.as_plugin,
        library_defects=found.as_dependency,
        skipped=tuple(
            SkippedFile(name, _REFUSED) for name in found.unread if name.endswith(".py") and name not in code
        ),
        wheel_name=wheel.filename,
        sha256=wheel.sha256,
        manifest=wheel.entries.get(f"{wheel.dist_info}/{MANIFEST_NAME}"),
        lock=wheel.entries.get(f"{wheel.dist_info}/{LOCK_NAME}"),
        sbom=wheel.sbom,
        api_usage=wheel.api_usage,
        unreadable=tuple(
            UnreadableFile(name, f"larger than {MAX_FILE_BYTES // 1024} KiB")
            for name, content in sorted(code.items())
            if name.endswith(".py") and not _is_source(name, content)
        ),
        members=tuple(sorted(code)),
        heads={name: content[:HEAD_BYTES] for name, content in sorted(code.items()) if not name.endswith(".py")},
        texts=texts,
        not_texts=not_texts,
    )


def _is_source(name: str, content: bytes) -> bool:
    return name.endswith(".py") and len(content) <= MAX_FILE_BYTES


def _registered(wheel: Wheel) -> dict[str, Any]:
    return entry_point_tables(wheel.entries.get(f"{wheel.dist_info}/entry_points.txt", b""))


def entry_point_tables(content: bytes) -> dict[str, Any]:
    """Rebuild the tables of ``[project]`` that ``entry_points.txt`` came from (PyPA *Entry points*).

    A file that cannot be read is kept as one group, so that what it may start is not overlooked.
    """
    text = content.decode("utf-8", "replace")
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string(text)
    except ConfigParserError:
        return {"entry-points": {"entry_points.txt": {"unreadable": text.strip()[:200]}}}
    groups = {group: dict(parser[group]) for group in parser.sections()}
    named = {"scripts": groups.pop("console_scripts", {}), "gui-scripts": groups.pop("gui_scripts", {})}
    return {key: value for key, value in {**named, "entry-points": groups}.items() if value}
