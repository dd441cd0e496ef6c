"""``[project]`` as core metadata has it: METADATA of a wheel, PKG-INFO of a source distribution (PEP 566, 639, 643)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from typing import Any

_VERSION = re.compile(r"\s*(\d{1,4})\.(\d{1,4})\s*$")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


def sdist_table(text: str) -> dict[str, Any]:
    """Rebuild ``[project]`` from PKG-INFO.

    Before metadata 2.2 (PEP 643), and for fields it calls dynamic, a source distribution that names no dependency may
    have some all the same: its build script knows.
    """
    metadata = Parser().parsestr(text, headersonly=True)
    table = project_table(text)
    version = _VERSION.match(metadata["Metadata-Version"] or "")
    settled = version is not None and (int(version[1]), int(version[2])) >= (2, 2)
    dynamic = {name.lower() for name in metadata.get_all("Dynamic") or ()}
    if not metadata.get_all("Requires-Dist") and (not settled or "requires-dist" in dynamic):
        del table["dependencies"]
        table["dynamic"] = ["dependencies"]
    return table


def project_table(text: str) -> dict[str, Any]:
    """Rebuild the parts of ``[project]`` that the rules compare."""
    metadata = Parser().parsestr(text)
    table: dict[str, Any] = {"name": metadata["Name"], "version": metadata["Version"]}
    texts = {
        "description": metadata["Summary"],
        "license": metadata["License-Expression"] or metadata["License"],
        "requires-python": metadata["Requires-Python"],
        "readme": metadata["Description"] or metadata.get_payload(),
        "license-files": metadata.get_all("License-File"),
        "urls": dict(_urls(metadata)),
    }
    requirements = metadata.get_all("Requires-Dist") or []
    table["dependencies"] = [item for item in requirements if not _EXTRA.search(item)]
    for item in requirements:
        for extra in _EXTRA.findall(item):
            table.setdefault("optional-dependencies", {}).setdefault(extra, []).append(item)
    return table | {key: value for key, value in texts.items() if value}


def _urls(metadata: Message) -> Iterator[tuple[str, str]]:
    if metadata["Home-page"]:
        yield "Homepage", metadata["Home-page"]
    for line in metadata.get_all("Project-URL") or []:
        label, _, address = line.partition(",")
        yield label.strip(), address.strip()
