"""What the server and the endpoints pass each other: one request, one response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from theodore_plugin.signing.local.service import RejectedError

_MAX_DIGITS = 15
"""More than any log has entries, and few enough for SQLite's integers."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read completely. Header names are lower-case; ``address`` is the client's, behind trusted proxies."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    address: str

    def number(self, name: str) -> int:
        """Return a whole number of the query; raises RejectedError."""
        text = self.query.get(name, "")
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
            raise RejectedError(400, f"{name} is a whole number")
        return int(text)


@dataclass(frozen=True, slots=True)
class Response:
    """A status, a body and its type; ``headers`` are further ones."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Response:
        """Answer with JSON."""
        return cls(status, json.dumps(value).encode())

    @classmethod
    def problem(cls, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
        """Answer with what is wrong, in the shape Fulcio and Rekor use."""
        return cls(status, json.dumps({"code": status, "message": message}).encode(), headers=headers or {})
