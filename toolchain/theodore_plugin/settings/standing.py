"""The user's ``config.toml``: what the organisation holds everybody to, and what the user prefers.

::

    [organisation]              # beats the command line
    policy = "/etc/acme/theodore-policy.yaml"

    [defaults]                  # where neither command line nor project say otherwise
    advisories = "local"

It lies in the state folder (``theodore_loader.paths``); :data:`VARIABLE` names another file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theodore_loader import strict_toml
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import home_dir
from theodore_loader.regular_file import read_beyond
from theodore_plugin.settings.origin import Said, Voice
from theodore_plugin.settings.project_table import BUILT_IN_POLICIES
from theodore_plugin.settings.schema import STANDING, keys, problems
from theodore_plugin.settings.toml_places import Place, places

NAME = "config.toml"
VARIABLE = "THEODORE_PLUGIN_CONFIG"
MAX_BYTES = 64 * 1024
ORGANISATION, DEFAULTS = "organisation", "defaults"


@dataclass(frozen=True, slots=True)
class Standing:
    """The two voices of ``config.toml``, and the file, or ``None`` if there is none."""

    organisation: Voice
    defaults: Voice
    path: Path | None


def standing_file() -> Path:
    """Return where the file lies; it need not exist."""
    named = os.environ.get(VARIABLE)
    return Path(named).absolute() if named else home_dir() / NAME


def read_standing() -> Standing:
    """Read the file; raise ConfigurationProblem for what is wrong with it. A file that was named has to exist."""
    path = standing_file()
    text = _text(path)
    if text is None:
        return Standing(Voice(ORGANISATION, {}), Voice(DEFAULTS, {}), None)
    document = _parsed(text, path)
    where = {name: places(text, name) for name in (ORGANISATION, DEFAULTS)}
    wrong = [f"{_place(path, where, at)}: {_table(at)}{said}" for at, said in problems(document, STANDING)]
    if wrong:
        few = "; ".join(f"[{name}] takes {', '.join(keys(STANDING, name))}" for name in (ORGANISATION, DEFAULTS))
        raise ConfigurationProblem("\n".join(wrong), help=few)
    organisation, defaults = (_voice(name, document.get(name, {}), where[name], path) for name in where)
    return Standing(organisation, defaults, path)


def _text(path: Path) -> str | None:
    if path == Path(os.devnull):  # how one says: none
        return None
    try:
        data = read_beyond(path, MAX_BYTES)
        if len(data) > MAX_BYTES:
            raise ConfigurationProblem(f"{path} is larger than {MAX_BYTES:,} bytes", help="it holds a few settings")
        return data.decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if os.environ.get(VARIABLE):
            raise ConfigurationProblem(
                f"{VARIABLE} names {path}, which is not there", help=f"unset {VARIABLE}"
            ) from None
        return None
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationProblem(f"cannot read {path}: {problem}", help="make it a readable UTF-8 file") from problem


def _parsed(text: str, path: Path) -> Mapping[str, Any]:
    try:
        return strict_toml.loads(text)
    except ValueError as problem:
        raise ConfigurationProblem(f"{path}: {problem}", help="the file is TOML; see docs/policy.md") from None


def _voice(name: str, table: Mapping[str, Any], where: Mapping[str, Place], path: Path) -> Voice:
    says = {}
    for key, value in table.items():
        line = where.get(key, where.get("", (1, 1)))[0]
        says[key.replace("-", "_")] = Said(_beside(key, value, path), f"{path}:{line}")
    return Voice(name, says, binding=name == ORGANISATION)


def _beside(key: str, value: Any, path: Path) -> Any:
    """Return a policy's path relative to the file that names it."""
    if key == "policy" and value not in BUILT_IN_POLICIES:
        return path.parent / value
    return tuple(value) if isinstance(value, list) else value


def _table(at: tuple[str | int, ...]) -> str:
    return f"[{at[0]}] " if len(at) > 1 else "the file "


def _place(path: Path, where: Mapping[str, Mapping[str, Place]], at: tuple[str | int, ...]) -> str:
    table = where.get(str(at[0]), {}) if at else {}
    line, column = table.get(str(at[1]) if len(at) > 1 else "", table.get("", (1, 1)))
    return f"{path}:{line}:{column}"
