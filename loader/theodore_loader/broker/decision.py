"""What the broker tells the access log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decision:
    """What the broker did with one request, for the access log; with ``numbers``, how a connection ended."""

    resource: str
    granted: bool
    detail: str
    location: str | None = None
    permission: str = "network"
    numbers: Mapping[str, float] | None = None
