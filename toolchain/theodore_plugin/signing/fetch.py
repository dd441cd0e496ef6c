"""Fetching a small document over HTTPS: bounded in size and time, no redirects, nothing but what was asked for.

Plain HTTP is accepted from loopback only: what is fetched decides who is believed.
"""

from __future__ import annotations

import http.client
import ipaddress
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

_CHUNK = 1 << 16


class FetchError(Exception):
    """The document could not be had; the message says why and names the URL."""


def is_secure(url: str) -> bool:
    """Tell whether ``url`` is HTTPS, or HTTP to this machine itself; never true for one with a user in it."""
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or not port_is_fine:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is ``localhost`` or an address of the loopback interface."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def fetch(url: str, limit: int, seconds: float) -> bytes:
    """Return what is at ``url``, at most ``limit`` bytes within ``seconds``; raises :class:`FetchError`."""
    if not is_secure(url):
        raise FetchError(f"{url}: only https URLs are fetched, and http ones of this machine")
    ends = time.monotonic() + seconds
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - checked above
    try:
        with _opener(url).open(request, timeout=seconds) as answer:
            return _read(answer, url, limit, ends)
    except urllib.error.HTTPError as error:
        error.close()
        raise FetchError(f"{url} answers {error.code}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(f"{url}: {error}") from error


def _read(answer: http.client.HTTPResponse, url: str, limit: int, ends: float) -> bytes:
    data = b""
    while chunk := answer.read1(
        min(_CHUNK, limit + 1 - len(data))
    ):  # whatever has come, so that a drip meets the bound
        data += chunk
        if len(data) > limit:
            raise FetchError(f"{url}: more than {limit:,} bytes")
        if time.monotonic() > ends:
            raise FetchError(f"{url}: too slow")
    return data


def _opener(url: str) -> urllib.request.OpenerDirector:
    # a proxy has no business with this machine's own addresses
    direct = is_loopback(urlsplit(url).hostname or "")
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if direct:
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: the redirect then ends as the HTTP error it is to us."""
