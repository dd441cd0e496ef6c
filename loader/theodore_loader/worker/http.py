"""``container.http`` inside a worker: asks the host for each request, and follows redirects by asking again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec

from theodore_loader.broker.http_wire import MAX_BODY_BYTES, SERVICE, Fetch, Fetched, NotFetched
from theodore_loader.broker.wire import Dialled
from theodore_loader.worker.context import HostCaller
from theodore_loader.worker.dialer import problem_of
from theodore_sdk.errors import PluginPermissionError, ResourceLimitExceeded
from theodore_sdk.http import HttpResponse

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 20
_OF_ONE_ORIGIN = frozenset({"authorization", "cookie", "proxy-authorization"})
_PORTS = {"http": 80, "https": 443}


class FetchingClient:
    """Implements :class:`theodore_sdk.http.HttpClient`."""

    def __init__(self, call: HostCaller, caller: Callable[[], str | None]) -> None:
        self._call = call
        self._caller = caller

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
        """Make one request and return its answer; see the protocol."""
        content = body.encode() if isinstance(body, str) else body or b""
        fetch = Fetch(url, method, tuple((headers or {}).items()), content, seconds, self._caller())
        for _ in range(min(redirects, MAX_REDIRECTS)):
            answer = await self._once(fetch)
            location = answer.header("location")
            if answer.status not in REDIRECTS or location is None:
                return answer
            fetch = redirected(fetch, answer.status, location)
        return await self._once(fetch)

    async def _once(self, fetch: Fetch) -> HttpResponse:
        if len(fetch.body) > MAX_BODY_BYTES:
            raise ResourceLimitExceeded("max_result_bytes", f"a body of {len(fetch.body)} bytes; {MAX_BODY_BYTES} fit")
        try:
            answer = await self._call(SERVICE, "fetch", (fetch,), {})
        except PluginPermissionError as denied:
            raise PluginPermissionError(
                denied.permission, denied.resource, location=fetch.location, enforced_by=denied.enforced_by
            ) from None
        found = msgspec.convert(answer, Fetched | NotFetched)
        if isinstance(found, NotFetched):
            raise _problem(found, fetch)
        return HttpResponse(found.status, found.headers, found.body, fetch.url)


def redirected(fetch: Fetch, status: int, location: str) -> Fetch:
    """Return the request a redirect asks for.

    Raises:
        ValueError: it leads from https to http.

    """
    url = urljoin(fetch.url, location).partition("#")[0]
    old, new = urlsplit(fetch.url), urlsplit(url)
    if (old.scheme, new.scheme) == ("https", "http"):
        raise ValueError(f"{fetch.url[:200]} leads from https to http, to {new.netloc[:100]}: not followed")
    headers = fetch.headers
    if _origin(old) != _origin(new):
        headers = tuple(header for header in headers if header[0].lower() not in _OF_ONE_ORIGIN)
    method, body = fetch.method, fetch.body
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, body = ("HEAD" if method == "HEAD" else "GET"), b""
        headers = tuple(header for header in headers if not header[0].lower().startswith("content-"))
    return Fetch(url, method, headers, body, fetch.seconds, fetch.location)


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _problem(found: NotFetched, fetch: Fetch) -> Exception:
    if found.outcome == "invalid":
        return ValueError(found.message)
    if found.outcome == "failed" and not found.number:
        return OSError(found.message)
    return problem_of(Dialled(0, found.outcome, found.number, found.message, found.limit), fetch.url)
