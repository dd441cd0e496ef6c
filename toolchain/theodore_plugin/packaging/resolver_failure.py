"""What the resolver says, readable: its drawing taken off, addresses without credentials, no path of ours in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from theodore_loader.errors import ConfigurationProblem

if TYPE_CHECKING:
    from theodore_plugin.packaging.resolver import Request

_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+@")
_DRAWING = re.compile(r"^[\s\u00d7│╰├─▶╭╮╯·]+")
_BEGINS = ("\u00d7", "╰─▶", "├─▶", "hint:", "error:", "warning:", "cause:", "Caused by", "help:")
_CHATTER = ("Using CPython", "Resolved ", "Resolving despite")
_MOST_LINES = 40
_LONGEST = 4000
_HELP = (
    "change the ranges in [project] dependencies, or the platforms in [tool.theodore-plugin]; every dependency needs "
    "wheels for all of them, source-only ones are not used. `pip config list` shows the indexes"
)


class NoUploadTimes(ConfigurationProblem):
    """The policy asks for a minimum age of releases, and an index does not say when a file was uploaded."""

    SIGN = "missing an upload date"

    def __init__(self, said: str) -> None:
        super().__init__(
            f"an index does not say when files were uploaded, so their age is unknown:\n{said}",
            help="use an index with upload times (PEP 700), or a policy with `dependencies: {on_unknown_age: warning}`",
        )


def failure(reason: str, request: Request) -> ConfigurationProblem:
    """Return the error for a resolution that did not come to an end."""
    within = ", ".join(platform.name for platform in request.range.platforms)
    pythons = ", ".join(request.range.pythons)
    return ConfigurationProblem(
        f"the dependencies cannot be locked for Python {pythons} on {within}:\n{reason}", help=_HELP
    )


def shown(said: str, request: Request) -> str:
    """Return what the resolver wrote, one thought a line."""
    text = _scrubbed(said, request)[:_LONGEST]
    lines = [line for line in _thoughts(text) if not line.startswith(_CHATTER)]
    return "\n".join(lines[:_MOST_LINES]) or "the resolver said nothing"


def warnings(said: str, request: Request) -> tuple[str, ...]:
    """Return what the resolver warned of while it succeeded."""
    found = [
        line.removeprefix("warning: ") for line in _thoughts(_scrubbed(said, request)) if line.startswith("warning:")
    ]
    return tuple(dict.fromkeys(line for line in found if NoUploadTimes.SIGN not in line))


def _scrubbed(said: str, request: Request) -> str:
    for address in (*request.indexes.indexes, *request.indexes.find_links, request.indexes.proxy or ""):
        if credentials := _CREDENTIALS.search(address):
            said = said.replace(credentials[0], "")
            said = said.replace(credentials[0].rstrip("@").partition(":")[2] or "\0", "****")
    text = _CREDENTIALS.sub("", said).replace("theodore-lock", "your project")
    return "".join(character for character in text if character.isprintable() or character == "\n")


def _thoughts(text: str) -> Iterator[str]:
    """Join lines that were wrapped to the width of a terminal."""
    current = ""
    for line in text.splitlines():
        bare = _DRAWING.sub("", line).strip()
        begins = line.strip().startswith(_BEGINS) or not bare or (bool(line) and not line[0].isspace())
        if begins and current:
            yield current
            current = ""
        current = f"{current} {bare}".strip()
    if current:
        yield current
