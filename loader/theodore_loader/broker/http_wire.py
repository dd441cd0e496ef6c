"""What a fetch looks like on the channel: arguments and answer of the reserved host service ``theodore.http``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from theodore_loader.channel.frames import MAX_VALUE_BYTES

SERVICE = "theodore.http"
"""No ``registry`` grant is asked for: ``network`` grants judge it."""

MAX_URL = 8192
"""Letters of a URL. Servers are asked to take 8,000 (RFC 9110, 4.1), and few take more."""
MAX_HEADERS = 100
MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = MAX_VALUE_BYTES - 2 * MAX_HEADER_BYTES
MAX_SECONDS = 300.0

Header = tuple[str, str]


class Fetch(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One request as the plugin asks for it; the host believes nothing of it (``http_request.checked``)."""

    url: str
    method: str
    headers: tuple[Header, ...]
    body: bytes
    seconds: float
    location: Annotated[str, msgspec.Meta(max_length=512)] | None = None


class Fetched(msgspec.Struct, frozen=True, array_like=True, tag="fetched"):
    """What the server answered."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


class NotFetched(msgspec.Struct, frozen=True, array_like=True, tag="failed"):
    """Why there is no answer. ``outcome`` is that of ``wire.Dialled``, or ``invalid`` or ``too-large``."""

    outcome: str
    message: str
    number: int = 0
    limit: str = ""
