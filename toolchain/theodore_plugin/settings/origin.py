"""A setting that somebody named: its value, where it stands, and whose word lost against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Said:
    """A value and where it was said: ``--persona``, ``pyproject.toml:14``, ``config.toml:3``, ``default``."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One decided setting. ``overruled`` are the words that would have counted otherwise, strongest first."""

    name: str
    value: Any
    origin: str
    overruled: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Voice:
    """Everything one source says, by the name of the setting."""

    who: str
    says: Mapping[str, Said]


def decide(name: str, voices: Sequence[Voice], default: Any) -> Setting:
    """Return what the strongest voice says, or the default."""
    said = [voice.says[name] for voice in voices if name in voice.says]
    if not said:
        return Setting(name, default, DEFAULT)
    first, *others = said
    return Setting(name, first.value, first.origin, tuple(one for one in others if one.value != first.value))
