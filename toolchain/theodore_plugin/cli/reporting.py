"""Show reports on standard output, and write them to files: in any form, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.cli.forms import Output
from theodore_plugin.cli.screen import UNBOUNDED, Screen, width_of
from theodore_plugin.report.formats import LINES, lines_of, rendered
from theodore_plugin.report.model import Report

FILE_MODE = 0o644
"""Reports are made to be handed on."""
_SOURCES = frozenset({".py", ".pyi", ".toml", ".whl"})
"""What a mistyped FILE must not replace."""


def show_reports(reports: Sequence[Report], output_format: str, screen: Screen, *, matrix: bool = False) -> None:
    """Show ``reports`` in one of the forms; ``matrix`` adds a row per host to text (other forms always have them)."""
    if output_format not in LINES:
        screen.write(rendered(output_format, reports))
        return
    width = width_of(screen.shape)
    screen.print(lines_of(output_format, reports, width if width < UNBOUNDED else None, matrix=matrix))


def refuse_outputs(outputs: Sequence[Output]) -> None:
    """Raise ConfigurationProblem, before any work is done, for files that could not be written in the end."""
    problems = list(_problems(outputs))
    if problems:
        raise ConfigurationProblem(
            "\n".join(f"--output {form}={file}: {why}" for form, file, why, _ in problems),
            help="\n".join(dict.fromkeys(way_out for *_, way_out in problems)),
        )


def write_outputs(reports: Sequence[Report], outputs: Sequence[Output]) -> list[tuple[str, str]]:
    """Write each form to its file; one that is interrupted or meets a full disk leaves what was there before.

    One file that cannot be written does not keep the others from being. Raises OSError, or a group of them. Returns the
    absolute path and the text of each, for whoever writes them again.
    """
    from theodore_loader.whole_file import replace_file

    written: list[tuple[str, str]] = []
    failures: list[OSError] = []
    for form, file in outputs:
        text = rendered(form, reports)
        written.append((str(file.absolute()), text))
        try:
            replace_file(_real(file), text.encode("utf-8", "backslashreplace"), FILE_MODE)
        except OSError as problem:
            failures.append(problem)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise ExceptionGroup("reports could not be written", failures)
    return written


def _problems(outputs: Sequence[Output]) -> Iterator[tuple[str, Path, str, str]]:
    seen: set[Path] = set()
    for form, file in outputs:
        real = _real(file)
        found = _duplicate(real, seen) or _problem(file, real)
        seen.add(real)
        if found:
            yield (form, file, *found)


def _duplicate(real: Path, seen: set[Path]) -> tuple[str, str] | None:
    if real not in seen:
        return None
    return "another --output names this file, too", "give each form a file of its own"


def _problem(file: Path, real: Path) -> tuple[str, str] | None:
    """Return what keeps a report from being written there, and what helps."""
    folder = real.parent
    if str(file) == "-":
        return "standard output is no file", "`--output-format FORMAT` prints a form on standard output"
    if real.is_dir():
        return "it is a folder", f"name a file: {file / 'report'}"
    if real.exists() and not real.is_file():
        return "it is not an ordinary file", "`--output-format FORMAT` prints a form on standard output"
    if real.suffix in _SOURCES:
        return "it is named like a source file, which a report would replace", "name another file"
    if not folder.is_dir():
        return _no_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} cannot be written to", f"check who owns it and its mode (`ls -ld {folder}`)"
    return None


def _no_folder(folder: Path) -> tuple[str, str]:
    if folder.exists():
        return f"{folder} is no folder", "name a file in a folder that exists"
    return f"there is no folder {folder}", f"create it: mkdir -p {folder}"


def _real(file: Path) -> Path:
    """Follow symbolic links, so that what they point at is written, and not the link replaced."""
    return Path(os.path.realpath(file))
