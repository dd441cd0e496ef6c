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
    binding: bool = False
    """Whether somebody decided it who cannot be contradicted: a profile or the organisation."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Everything one source says, by the name of the setting; a binding one lets nobody below it choose."""

    who: str
    says: Mapping[str, Said]
    binding: bool = False


def decide(name: str, voices: Sequence[Voice], default: Any) -> Setting:
    """Return what the strongest voice says, or the default."""
    said = [(voice, voice.says[name]) for voice in voices if name in voice.says]
    if not said:
        return Setting(name, default, DEFAULT)
    (strongest, first), *others = said
    overruled = tuple(one for _, one in others if one.value != first.value)
    return Setting(name, first.value, first.origin, overruled, strongest.binding)
