"""The settings of a check, for ``check --show-settings``: each with its value, where it was said, and what it beats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from theodore_plugin.report.visible import visible
from theodore_plugin.settings import Settings
from theodore_plugin.settings.origin import Setting

_UNSET = {"select": "everything", "ignore": "nothing", "audience": "the policy as written", "profile": "none"}
_WIDTH = 16


def text_lines(project: str, settings: Settings) -> Iterator[str]:
    """Yield one line for each setting, and one for each word that lost against it."""
    yield visible(f"settings of {project}")
    for setting in settings.decided:
        name = setting.name.replace("_", "-")
        yield visible(f"  {name:<{_WIDTH}}{_shown(setting)}  ({setting.origin})")
        for other in setting.overruled:
            yield visible(f"  {'':<{_WIDTH}}not {_text(other.value)}  ({other.origin})")
    yield visible(f"  {'policy digest':<{_WIDTH}}sha256:{settings.policy.digest}")


def to_json_list(checked: Sequence[tuple[str, Settings]]) -> list[dict[str, Any]]:
    """Return the same for programs, one entry for each project."""
    return [
        {
            "project": project,
            "settings": [_setting(one) for one in settings.decided],
            "policy": {"name": settings.policy.name, "digest": settings.policy.digest},
        }
        for project, settings in checked
    ]


def _setting(setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name.replace("_", "-"),
        "value": _plain(setting.value),
        "origin": setting.origin,
        "binding": setting.binding,
        "overruled": [{"value": _plain(other.value), "origin": other.origin} for other in setting.overruled],
    }


def _shown(setting: Setting) -> str:
    if setting.value is None or setting.value == ():
        return _UNSET.get(setting.name, "not set")
    return _text(setting.value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
