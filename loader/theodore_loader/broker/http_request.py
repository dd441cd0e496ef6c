"""A request as it will be sent, or the reason why it will not.

Strict on purpose: what one parser takes for a path and another for a host is how requests end up elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from theodore_loader.broker.http_wire import MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, MAX_URL, Fetch, Header
from theodore_loader.permissions.hosts import canonical_host

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
PORTS = {"http": 80, "https": 443}

OF_A_CONNECTION = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade", "http2-settings"),
    }
)
"""Left out in both directions: they speak about the connection, which is the host's (RFC 9110, 7.6.1)."""

_WRITTEN_BY_THE_HOST = frozenset({"host", "content-length", "expect"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", re.ASCII)
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_URL = re.compile(r"[\x21-\x7e]+", re.ASCII)


class InvalidRequestError(ValueError):
    """A request that is not sent; the plugin meets a ``ValueError``."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, checked: ``target`` is path and query, ``headers`` are complete."""

    scheme: str
    host: str
    port: int
    method: str
    target: str
    headers: tuple[Header, ...]
    body: bytes

    @property
    def path(self) -> str:
        """The path without the query, which may hold secrets."""
        return self.target.partition("?")[0]

    @property
    def may_repeat(self) -> bool:
        """Whether sending it twice is the same as sending it once."""
        return self.method in IDEMPOTENT


def checked(fetch: Fetch) -> Request:
    """Return the request to send.

    Raises:
        InvalidRequestError: it cannot be sent; the message says why.

    """
    if len(fetch.url) > MAX_URL:
        raise InvalidRequestError(f"a URL of {len(fetch.url)} letters; {MAX_URL} can be sent, and a body can hold more")
    parts = _split(fetch.url)
    host, port = _authority(parts)
    if fetch.method not in METHODS:
        raise InvalidRequestError(f"method {fetch.method[:64]!r}; use one of {', '.join(sorted(METHODS))}")
    if len(fetch.body) > MAX_BODY_BYTES:
        raise InvalidRequestError(f"a body of {len(fetch.body)} bytes; {MAX_BODY_BYTES} can be sent")
    shown = host if port == PORTS[parts.scheme] else f"{host}:{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = (("Host", shown), *_headers(fetch), *_length(fetch))
    return Request(parts.scheme, host, port, fetch.method, target, headers, fetch.body)


def _split(url: str) -> SplitResult:
    if not _URL.fullmatch(url) or "\\" in url:
        raise InvalidRequestError(
            "the URL holds spaces, control characters, backslashes or letters outside ASCII: encode them"
        )
    try:
        parts = urlsplit(url)
    except ValueError as problem:
        raise InvalidRequestError(f"not a URL: {problem}") from None
    if parts.scheme not in PORTS:
        raise InvalidRequestError(f"scheme {parts.scheme!r}; only http and https are fetched")
    if "@" in parts.netloc:
        raise InvalidRequestError("the URL holds a user or password; send an Authorization header")
    if "#" in url:
        raise InvalidRequestError("the URL holds a fragment, which is not for servers")
    if not parts.path.startswith("/") and parts.path:
        raise InvalidRequestError("the URL has no path that begins with /")
    return parts


def _authority(parts: SplitResult) -> tuple[str, int]:
    try:
        port = parts.port
    except ValueError:
        raise InvalidRequestError("the URL's port is no number from 1 to 65535") from None
    host = canonical_host(parts.hostname or "")
    if host is None or "%" in parts.netloc or port == 0:
        raise InvalidRequestError(
            f"{parts.netloc[:100]!r} is not one host in canonical form, with a port where it needs one"
        )
    return str(host), port or PORTS[parts.scheme]


def _headers(fetch: Fetch) -> list[Header]:
    if len(fetch.headers) > MAX_HEADERS:
        raise InvalidRequestError(f"{len(fetch.headers)} headers; {MAX_HEADERS} can be sent")
    kept = []
    for name, value in fetch.headers:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise InvalidRequestError(f"header {name[:64]!r} holds characters that cannot be sent")
        if name.lower() in _WRITTEN_BY_THE_HOST:
            raise InvalidRequestError(f"header {name!r} is written by the host")
        if name.lower() not in OF_A_CONNECTION:
            kept.append((name, value.strip(" \t")))
    if sum(len(name) + len(value) for name, value in kept) > MAX_HEADER_BYTES:
        raise InvalidRequestError(f"more than {MAX_HEADER_BYTES} bytes of headers")
    names = {name.lower() for name, _value in kept}
    defaults = (("Accept", "*/*"), ("Accept-Encoding", "identity"), ("User-Agent", "theodore-plugin"))
    return kept + [default for default in defaults if default[0].lower() not in names]


def _length(fetch: Fetch) -> list[Header]:
    if fetch.body or fetch.method in ("POST", "PUT", "PATCH"):
        return [("Content-Length", str(len(fetch.body)))]
    return []
