"""``http.fetch``: the host makes the request, so that requests and not connections are judged, counted and logged.

The connection comes from ``connector.py`` like every other, pinned to the address that was judged. Exchanges run on
few threads of this worker's own, so that a slow server delays the plugin that asked it and nobody else; at the
deadline the connection is shut down, which ends the thread's wait.
"""

from __future__ import annotations

import asyncio
import errno
import http.client
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import msgspec

from theodore_loader.broker.connector import Connector, DialRefused
from theodore_loader.broker.decision import Decision
from theodore_loader.broker.http_exchange import STALE, Line, TooLargeError
from theodore_loader.broker.http_request import InvalidRequestError, Request, checked
from theodore_loader.broker.http_wire import MAX_SECONDS, Fetch, Fetched, NotFetched
from theodore_loader.broker.rate import TokenBucket
from theodore_loader.broker.tls import client_context
from theodore_loader.channel.codec import NIL, Denial, HostCall, HostResult, truncated
from theodore_loader.channel.methods import BadValueError, decode_value, encode_value

MAX_AT_ONCE = 8
MAX_KEPT = 4
CALLS_PER_SECOND = 1000
PAUSE_SECONDS = 0.1
"""How long each call waits when a worker makes more than that (16 at once): what is refused costs something, too."""
REFUSALS_PER_SECOND = 50
"""Each is a record, as with dials; the answers to more of them wait, so that none has to be left out."""
KEEP_SECONDS = 15.0


class HttpService:
    """Answers one worker's fetches, on the event loop that created it."""

    def __init__(
        self, connector: Connector, record: Callable[[Decision], None], authorities: Path | None = None
    ) -> None:
        self._connector = connector
        self._record = record
        self._authorities = authorities
        self._threads = ThreadPoolExecutor(MAX_AT_ONCE, "fetch")  # starts no thread before it is needed
        self._turn = asyncio.Semaphore(MAX_AT_ONCE)
        self._kept: list[tuple[float, Line]] = []
        self._busy: set[Line] = set()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._calls = TokenBucket(CALLS_PER_SECOND, 2 * CALLS_PER_SECOND)
        self._refusals = TokenBucket(REFUSALS_PER_SECOND, 2 * REFUSALS_PER_SECOND)
        self._closed = False

    async def call(self, call: HostCall) -> HostResult:
        """Answer one call; what is wrong with it is part of the answer."""
        if not self._calls.take(time.monotonic()):
            await asyncio.sleep(PAUSE_SECONDS)
        try:
            ((fetch,), _named) = decode_value(_ARGUMENTS, call.args)
        except BadValueError as problem:
            return HostResult(call.id, NIL, ("TypeError", truncated(f"fetch: {problem}")))
        try:
            return HostResult(call.id, encode_value(await self._fetch(fetch)))
        except DialRefused as problem:
            if problem.outcome == "denied":
                return HostResult(call.id, NIL, denial=Denial("network", truncated(problem.message), None, "broker"))
            return _failed(call, problem.outcome, problem.message, problem.number, problem.limit)
        except TooLargeError as problem:
            return _failed(call, "limited", str(problem), limit="max_result_bytes")
        except TimeoutError:
            return _failed(call, "timeout", f"{fetch.url[:200]}: not done within {_seconds(fetch):g} s")
        except (OSError, http.client.HTTPException) as problem:
            number = 0 if isinstance(problem, ssl.SSLError) else getattr(problem, "errno", None) or 0
            return _failed(call, "failed", f"{fetch.url[:200]}: {_reason(problem)}", number)
        except InvalidRequestError as problem:
            return _failed(call, "invalid", str(problem))
        except Exception as problem:  # what a parser makes of a hostile answer must not leave the plugin waiting
            return _failed(call, "failed", f"{fetch.url[:200]}: {type(problem).__name__}: {problem}")

    def close(self) -> None:
        """End every exchange and every kept connection."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for line in self._busy:
            line.shut_down()  # its thread closes it
        for _since, line in self._kept:
            line.close()
        self._kept.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _fetch(self, fetch: Fetch) -> Fetched:
        request = checked(fetch)
        resource = f"{request.host}:{request.port}"
        try:
            self._connector.judge(request.host, request.port, "requests")
            self._record(Decision(resource, True, f"{request.method} {request.path}", fetch.location))
            return await self._answer(request, fetch)
        except DialRefused as problem:
            if problem.is_refusal:
                self._record(Decision(resource, False, problem.message, fetch.location))
                if not self._refusals.take(time.monotonic()):
                    await asyncio.sleep(PAUSE_SECONDS)
            raise

    async def _answer(self, request: Request, fetch: Fetch) -> Fetched:
        async with asyncio.timeout(_seconds(fetch)), self._turn:
            line = self._take(request)
            if line is not None:
                try:
                    return await self._exchange(line, request)
                except STALE:
                    if not request.may_repeat:
                        raise
            return await self._exchange(await self._new(request, fetch), request)

    async def _new(self, request: Request, fetch: Fetch) -> Line:
        connection = await self._connector.connect(request.host, request.port, _seconds(fetch))
        try:
            self._connector.connections.add(connection.dup(), request.host, request.port, fetch.location)
            connection.settimeout(MAX_SECONDS)  # blocking; the deadline is kept by shutting it down
            return Line(connection, request)
        except BaseException:  # no descriptor is left
            connection.close()
            raise

    async def _exchange(self, line: Line, request: Request) -> Fetched:
        if self._closed:
            line.close()
            raise ConnectionAbortedError(errno.ECONNABORTED, "the worker has ended")
        self._busy.add(line)
        work = self._loop.run_in_executor(self._threads, self._on_thread, line, request)
        work.add_done_callback(lambda done: self._done(line, done))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            line.shut_down()
            raise

    def _on_thread(self, line: Line, request: Request) -> Fetched:
        try:
            if request.scheme == "https" and not line.used:
                line.secure(client_context(self._authorities))
            return line.exchange(request)
        finally:
            if self._closed:  # nobody will be told any more
                line.close()

    def _take(self, request: Request) -> Line | None:
        """Return a kept connection to the request's server that still works."""
        key = (request.scheme, request.host, request.port)
        for kept in [kept for kept in self._kept if kept[1].key == key]:
            self._kept.remove(kept)
            if kept[1].is_alive():
                return kept[1]
            kept[1].close()
        return None

    def _done(self, line: Line, work: asyncio.Future[Fetched]) -> None:
        """Keep a connection, or close it; the thread is through with it."""
        self._busy.discard(line)
        failed = work.cancelled() or work.exception() is not None  # seen, also where nobody waits any more
        if failed or not line.reusable or self._closed:
            line.close()
            return
        self._kept.append((self._loop.time(), line))
        self._drop_old()

    def _drop_old(self) -> None:
        now = self._loop.time()
        while self._kept and (len(self._kept) > MAX_KEPT or now - self._kept[0][0] >= KEEP_SECONDS):
            self._kept.pop(0)[1].close()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(KEEP_SECONDS, self._drop_old) if self._kept else None


def _seconds(fetch: Fetch) -> float:
    """Return the deadline; a worker's number may be NaN, which would upset the event loop's clock."""
    return fetch.seconds if 0 < fetch.seconds < MAX_SECONDS else MAX_SECONDS


def _reason(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {problem.verify_message}"
    if isinstance(problem, socket.timeout):
        return "the server did not answer in time"
    return str(problem) or type(problem).__name__


def _failed(call: HostCall, outcome: str, message: str, number: int = 0, limit: str = "") -> HostResult:
    return HostResult(call.id, encode_value(NotFetched(outcome, truncated(message), number, limit)))


_Call = tuple[tuple[Fetch], Annotated[dict[str, str], msgspec.Meta(max_length=0)]]
_ARGUMENTS: msgspec.msgpack.Decoder[_Call] = msgspec.msgpack.Decoder(_Call)
