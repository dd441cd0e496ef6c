"""Requests the host makes for a plugin: ``await container.http.fetch("https://api.example.com/v1/rates")``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What a server answered. Header names are as the server wrote them; one that comes twice is there twice."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: str = ""

    @property
    def ok(self) -> bool:
        """Whether the status is one of success (200 to 299)."""
        return 200 <= self.status < 300

    def header(self, name: str, default: str | None = None) -> str | None:
        """Return the first header of this name, in any letter case."""
        wanted = name.lower()
        return next((value for found, value in self.headers if found.lower() == wanted), default)

    def text(self, encoding: str | None = None) -> str:
        """Return the body in ``encoding``, the one the server names, or UTF-8; what cannot be read is marked."""
        named = (self.header("content-type") or "").lower().partition("charset=")[2].split(";")[0].strip(" \"'")
        try:
            return self.body.decode(encoding or named or "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: it is none.

        """
        import json

        return json.loads(self.body)


class HttpClient(Protocol):
    """The host's HTTP client, for hosts a ``network`` permission grants.

    Each request is judged, counted and logged by itself, exactly: that is what it has over a client library, whose
    connections are judged and counted. The host keeps no cookies, uses no proxy and follows no redirect by itself.
    """

    async def fetch(
        self,
        url: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        *,
        seconds: float = 30.0,
        redirects: int = 0,
    ) -> HttpResponse:
        """Make one request and return its answer, whatever its status.

        Args:
            url: ``http`` or ``https``, without user, password and fragment; at most 8192 letters.
            method: GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.
            headers: at most 100 of the message; the host writes ``Host``, the length and those of the connection.
            body: what to send; text is sent as UTF-8.
            seconds: how long all of it may take, at most 300.
            redirects: how many to follow. Each is a request of its own, judged and counted again; ``Authorization``
                and ``Cookie`` are not sent to another origin, and https does not lead to http.

        Raises:
            PluginPermissionError: no ``network`` permission covers host and port.
            ResourceLimitExceeded: too many requests in this minute, or a body too large to cross (1 MiB).
            ValueError: the URL, the method or a header cannot be sent.
            TimeoutError: not done within ``seconds``.
            OSError: no connection, no acceptable certificate, or no HTTP.

        """
        ...
