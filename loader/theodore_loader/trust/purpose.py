"""What a verification is for. Some revocations block one purpose only, and pins are written at installation only."""

from __future__ import annotations

from typing import Literal

Purpose = Literal["install", "load"]
"""``install``: shall these bytes come onto this host; ``load``: may what is here run now."""
