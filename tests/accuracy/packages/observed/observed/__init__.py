"""A package whose every act is known: what the recorder and the scorer are held against."""

import os
from collections import namedtuple
from dataclasses import dataclass

from observed import work

LEVEL = os.environ.get("OBSERVED_LEVEL", "")
Pair = namedtuple("Pair", "left right")


@dataclass
class Settings:
    """Made by code that the standard library compiles: no act of this package."""

    name: str = ""


__all__ = ["LEVEL", "Pair", "Settings", "work"]
