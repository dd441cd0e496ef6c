"""Files in the target that would steer or start a tool: seen, reported, and not used.

Each was tried on the tool versions in use: a ``.bandit`` silences bandit, a mypy plugin named in
``pyproject.toml`` is run by mypy, ``conftest.py`` by pytest, ``setup.py`` by build front ends,
``sitecustomize.py`` by any interpreter that finds it on its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from theodore_plugin.finding import Location
from theodore_plugin.project.model import PYPROJECT, IgnoredConfig

BY_NAME = {
    ".bandit": "would configure bandit",
    "bandit.yaml": "would configure bandit",
    "bandit.yml": "would configure bandit",
    "mypy.ini": "would configure mypy, plugins included",
    ".mypy.ini": "would configure mypy, plugins included",
    ".secrets.baseline": "would silence secret scanners",
    ".gitleaks.toml": "would configure secret scanners",
    "conftest.py": "would run under pytest",
    "setup.py": "would run under a build front end",
    "noxfile.py": "would run under nox",
    "tox.ini": "would configure tox and pytest",
    "pytest.ini": "would configure pytest",
    ".coveragerc": "would configure coverage",
    "sitecustomize.py": "would run at the start of an interpreter",
    "usercustomize.py": "would run at the start of an interpreter",
    "pip.conf": "would steer pip",
}
SECTIONS = {
    PYPROJECT: ("tool.mypy", "tool.bandit", "tool.pytest.ini_options", "tool.pip-audit", "tool.ruff"),
    "setup.cfg": ("mypy", "bandit", "tool:pytest"),
}
_SECTION = re.compile(r"^\s*\[\[?\s*(?P<name>[^\]\s]+)\s*\]\]?", re.MULTILINE)


def ignored_configs(paths: Iterable[str], contents: Mapping[str, bytes]) -> tuple[IgnoredConfig, ...]:
    """List every steering file and section among ``paths``, in path order."""
    found: list[IgnoredConfig] = []
    for path in sorted(paths):
        name = path.rsplit("/", 1)[-1]
        if name in BY_NAME:
            found.append(IgnoredConfig(Location(path), BY_NAME[name]))
        if path in SECTIONS and path in contents:
            found.extend(_sections(path, contents[path].decode("utf-8", "replace")))
    return tuple(found)


def _sections(path: str, text: str) -> Iterator[IgnoredConfig]:
    for match in _SECTION.finditer(text):
        name = match["name"]
        for section in SECTIONS[path]:
            if name == section or name.startswith(f"{section}."):
                line = text.count("\n", 0, match.start("name")) + 1
                tool = name.removeprefix("tool.").removeprefix("tool:").split(".")[0]
                yield IgnoredConfig(Location(path, line), f"[{name}] would configure {tool}")
