"""How the forms of a report are written on the command line: ``sarif``, and ``sarif=out.sarif``."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from theodore_plugin.report.formats import FORMATS

_SUFFIXES = {"full": "txt", "concise": "txt", "github": "txt", "gitlab": "json", "junit": "xml", "markdown": "md"}
"""Of a usual file name, where it is not the form's own."""

Output = tuple[str, Path]
"""A form, and the file it is written to."""


class Form(click.ParamType):  # type: ignore[type-arg]  # older click has no parameters here
    """The name of a form; a misspelt one is told its nearest neighbour."""

    name = "format"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name. Raises BadParameter for what is no form."""
        if value not in FORMATS:
            self.fail(f"no format is called {value!r}{_nearest(str(value))} (one of {', '.join(FORMATS)})", param, ctx)
        return str(value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the forms, for ``--help``."""
        return f"[{'|'.join(FORMATS)}]"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the forms that begin like this."""
        return [CompletionItem(form) for form in FORMATS if form.startswith(incomplete)]


class FormAndFile(click.ParamType):  # type: ignore[type-arg]  # as above
    """``FORMAT=FILE``; the file may contain further equals signs."""

    name = "FORMAT=FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Output:
        """Return form and path. Raises BadParameter for anything else."""
        if isinstance(value, tuple):
            return value
        form, equals, file = str(value).partition("=")
        if not equals or not file:
            self.fail(f"{value!r} does not say FORMAT=FILE, such as {_example(form)}", param, ctx)
        return Form().convert(form, param, ctx), Path(file)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the forms that begin like this, each with a usual file name: shells put a space after a word."""
        form, equals, file = incomplete.partition("=")
        if equals:
            return [CompletionItem(file, type="file")]
        return [CompletionItem(_example(known)) for known in FORMATS if known.startswith(form)]


def _nearest(name: str) -> str:
    close = get_close_matches(name, FORMATS, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _example(form: str) -> str:
    known = form if form in FORMATS else "sarif"
    return f"{known}=check.{_SUFFIXES.get(known, known)}"
