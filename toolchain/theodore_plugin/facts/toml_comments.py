"""Suppressions in a project's ``pyproject.toml``: its findings are silenced where they are, like those in code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from theodore_plugin.facts.model import Suppression
from theodore_plugin.facts.suppressions import Comment, read_comment
from theodore_plugin.project import PluginProject

_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|(?P<comment>\#[^\n]*)''', re.DOTALL
)
"""Strings of the four kinds (TOML 1.0), because a ``#`` inside one begins no comment."""


def project_suppressions(project: PluginProject) -> tuple[Suppression, ...]:
    """Return what the comments of a source tree's project file ask for; a wheel's METADATA has no comments."""
    if project.is_wheel:
        return ()
    read = (read_comment(project.project_file, *comment) for comment in find_toml_comments(project.pyproject_text))
    return tuple(item for item in read if isinstance(item, Suppression))


def find_toml_comments(text: str) -> Iterator[Comment]:
    """Find the comments of a text that is valid TOML."""
    for token in _TOKEN.finditer(text):
        if token["comment"]:
            start = text.rfind("\n", 0, token.start()) + 1
            before = text[start : token.start()]
            yield text.count("\n", 0, start) + 1, len(before), token["comment"].rstrip("\r"), not before.strip()
