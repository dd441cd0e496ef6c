"""The official bulk file, fetched over the network: what `advisories update` imports.

1. Only https, checked against the system's certificates; plain http to this machine alone. Redirections too.
2. Never more than a bound, never less than was announced, never longer than a deadline.
3. A server that knows the state we have (``ETag``) says so, and nothing is fetched.
"""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import SplitResult, urlsplit

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin import __version__

OFFICIAL = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"
"""All records about packages of PyPI (https://google.github.io/osv.dev/data/)."""

MAX_DOWNLOAD_BYTES = 512 * 2**20
"""Packed size above which a file is no snapshot of PyPI."""

SILENCE_SECONDS = 30.0
DEADLINE_SECONDS = 900.0

_CHUNK = 256 * 1024
_OFFLINE = (
    "check the network and the proxy; on a machine without either, fetch the file elsewhere and run "
    "`theodore-plugin advisories import FILE`"
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a file may be at most: ``what`` it is to be, its size in bytes, the seconds it may take; and what helps."""

    what: str
    most_bytes: int
    seconds: float
    help: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: ``changed`` is false if the server said that nothing did, and then no file was written."""

    changed: bool
    etag: str = ""


def refuse_unsafe(url: str) -> None:
    """Raise ConfigurationProblem unless ``url`` is https, or http to this machine."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.username is None and parts.password is None
        safe = named and (parts.scheme == "https" or _is_loopback_http(parts))
    except ValueError:
        safe = False
    if not safe:
        raise ConfigurationProblem(
            "the address is not https, or holds a user name",
            help="use https and no credentials; plain http is accepted for loopback addresses alone",
        )


def fetch(url: str, target: Path, *, etag: str = "", bounds: Bounds | None = None) -> Fetched:
    """Write what ``url`` holds to ``target`` unless its state is still ``etag``; ``bounds`` are those of advisories.

    Raises ConfigurationProblem naming the address, what went wrong and what helps.
    """
    refuse_unsafe(url)
    bounds = bounds or Bounds("snapshot", MAX_DOWNLOAD_BYTES, DEADLINE_SECONDS, _OFFLINE)
    headers = {"User-Agent": f"theodore-plugin/{__version__}"} | ({"If-None-Match": etag} if etag else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was looked at
    try:
        with _opener(url).open(request, timeout=SILENCE_SECONDS) as answer:
            _copy(answer, target, url, bounds)
            return Fetched(True, answer.headers.get("ETag", ""))
    except urllib.error.HTTPError as problem:
        problem.close()
        if problem.code == http.client.NOT_MODIFIED and etag:
            return Fetched(False, etag)
        raise ConfigurationProblem(
            f"{url}: the server answered {problem.code} {problem.reason}", help=bounds.help
        ) from None
    except urllib.error.URLError as problem:
        raise ConfigurationProblem(f"{url}: cannot be reached: {problem.reason}", help=bounds.help) from None
    except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as problem:
        raise ConfigurationProblem(f"{url}: the transfer broke off: {problem!r}", help=bounds.help) from None


class _Redirections(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Follow only to where we would have gone ourselves; never from the network into this machine."""
        try:
            _refuse_detour(req.full_url, newurl)
        except ConfigurationProblem:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _refuse_detour(url: str, to: str) -> None:
    refuse_unsafe(to)
    if _is_loopback_http(urlsplit(to)) and not _is_loopback_http(urlsplit(url)):
        raise ConfigurationProblem(f"{url}: redirects to this machine ({to})", help=_OFFLINE)


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Return an opener without what else urllib can open; proxies are the user's, except towards this machine."""
    proxies = urllib.request.ProxyHandler({} if _is_loopback_http(urlsplit(url)) else None)
    opener = urllib.request.OpenerDirector()
    for handler in (
        proxies,
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirections(),
    ):
        opener.add_handler(handler)
    return opener


def _copy(answer: http.client.HTTPResponse, target: Path, url: str, bounds: Bounds) -> None:
    announced, received = _length(answer.headers), 0
    deadline = time.monotonic() + bounds.seconds
    with target.open("wb") as file:
        while chunk := answer.read1(_CHUNK):  # what has come: a whole chunk may take for ever to
            received += len(chunk)
            if received > bounds.most_bytes:
                raise ConfigurationProblem(
                    f"{url}: larger than {bounds.most_bytes // 2**20} MiB, which no {bounds.what} is", help=bounds.help
                )
            if time.monotonic() > deadline:
                raise ConfigurationProblem(f"{url}: not there after {bounds.seconds:.0f} s", help=bounds.help)
            file.write(chunk)
    if announced is not None and received != announced:
        raise ConfigurationProblem(f"{url}: broke off after {received} of {announced} bytes", help=bounds.help)


def _length(headers: Message) -> int | None:
    text = headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _is_loopback_http(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
