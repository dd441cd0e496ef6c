"""Plain values that may cross the border between a plugin's worker and its host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
"""One plain value."""

Metadata: TypeAlias = Mapping[str, Scalar]
"""Named plain values, one level deep: what a category has no field for."""
