"""Where the keys of a TOML table stand: the parser of the standard library does not say."""

from __future__ import annotations

import re
from collections.abc import Mapping

Place = tuple[int, int]
_HEADER = re.compile(r"\s*\[\[?\s*(?P<name>[^\]]*?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*(?P<quote>["']?)(?P<name>[A-Za-z0-9_-]+)(?P=quote)\s*=""")


def places(text: str, table: str) -> Mapping[str, Place]:
    """Return line and column of the header (under ``""``) and of each key of ``[table]``, counted from 1.

    What is written in another form (dotted keys, inline tables) has no place of its own.
    """
    found: dict[str, Place] = {}
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header:
            inside = _plain(header["name"]) == table
            if inside:
                found.setdefault("", (number, line.index("[") + 1))
        elif inside and (key := _KEY.match(line)):
            found.setdefault(key["name"], (number, key.start("name") + 1))
    return found


def _plain(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
