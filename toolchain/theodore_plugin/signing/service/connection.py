"""One connection: requests in, responses out, with a deadline on everything a client could drag out.

The bytes are HTTP/1.1 as ``h11`` reads it: a sans-IO parser that refuses what two parsers could read in two ways. Time
and amounts are bounded here: the TLS handshake, each whole request from the first moment of waiting for it, and each
answer have ``request_seconds``; heads have 16 KiB, bodies the configured size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import h11

from theodore_plugin.signing.service.messages import Request, Response

MAX_HEAD = 16 << 10
_CHUNK = 1 << 16
Handle = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Memory:
    """How many bytes of bodies may be held at once, over all connections."""

    free: int

    def take(self, size: int) -> bool:
        """Take ``size`` bytes; false if there are not as many."""
        if size > self.free:
            return False
        self.free -= size
        return True

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        self.free += size


@dataclass(slots=True)
class Connection:
    """One client's connection, served until it is closed, drags, or breaks the protocol."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    address: str
    handle: Handle
    lost: Callable[[str], None]
    """Told why, when a client loses its connection or a request is refused unread."""
    seconds: float
    max_body: int
    memory: Memory
    busy: bool = False
    """Whether a request has been read and not yet been answered: such a connection outlives a shutdown."""
    closing: bool = False
    _taken: int = 0
    _answered: bool = False
    _http: h11.Connection = field(default_factory=lambda: h11.Connection(h11.SERVER, MAX_HEAD))

    async def serve(self) -> None:
        """Answer requests one after the other; every failure ends the connection and nothing else."""
        try:
            while await self._serve_one():
                self._http.start_next_cycle()
        except TimeoutError:
            self._cut("too slow")
        except (OSError, h11.LocalProtocolError):
            self._cut("gone")
        except h11.RemoteProtocolError as error:
            self.lost("no request of HTTP/1.1")
            await self._refuse(Response.problem(error.error_status_hint, "this is no request of HTTP/1.1"))
        finally:
            await self._close()

    async def _close(self) -> None:
        """Close, and see to it: what a client does not fetch would keep the connection after it stopped counting."""
        self.writer.close()
        with suppress(OSError):
            try:
                async with asyncio.timeout(self.seconds):
                    await self.writer.wait_closed()
            except TimeoutError:
                self.writer.transport.abort()

    def _cut(self, reason: str) -> None:
        # one that was answered and waits for its next request is kept for a while, and then simply closed
        if self.busy or not self._answered or self._http.their_state is not h11.IDLE or self._http.trailing_data[0]:
            self.lost(reason)
        self.writer.transport.abort()

    async def _serve_one(self) -> bool:
        try:
            async with asyncio.timeout(self.seconds):
                request = await self._request()
            if isinstance(request, Response):
                self.lost(f"refused unread with {request.status}")
                await self._refuse(request)
                return False
            if request is None:
                return False
            self.busy = True
            response = await self.handle(request)
        finally:
            self.memory.give_back(self._taken)
            self._taken = 0
        await self._answer(response)
        self.busy, self._answered = False, True
        return not self.closing and self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _request(self) -> Request | Response | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                await self._receive()
            elif isinstance(event, h11.Request):
                head = event
                problem = _problem(event, self.max_body)
                if problem is not None:
                    return problem
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self.max_body:
                    return _too_large(self.max_body)
                if not self.memory.take(len(event.data)):
                    return Response.problem(503, "too many large requests at once; try again", {"Retry-After": "5"})
                self._taken += len(event.data)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _request(head, bytes(body), self.address)
            else:
                return None

    async def _receive(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        self._http.receive_data(await self.reader.read(_CHUNK))

    async def _refuse(self, response: Response) -> None:
        """Answer, if an answer can still be made, and leave what was not read unread."""
        self.closing = True
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            try:
                await self._answer(response)
            except (TimeoutError, OSError, h11.LocalProtocolError):
                self.writer.transport.abort()

    async def _answer(self, response: Response) -> None:
        headers = {
            "Content-Type": response.content_type,
            "Content-Length": str(len(response.body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **response.headers,
        }
        if self.closing:
            headers["Connection"] = "close"
        async with asyncio.timeout(self.seconds):
            await self._send(h11.Response(status_code=response.status, headers=list(headers.items())))
            await self._send(h11.Data(data=response.body))
            await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self.writer.write(data)
            await self.writer.drain()


def _problem(head: h11.Request, max_body: int) -> Response | None:
    """Return what is wrong with a head that the parser lets pass."""
    # the parser bounds heads that come in pieces, and not those that come at once
    if sum(len(name) + len(value) for name, value in head.headers) + len(head.target) > MAX_HEAD:
        return Response.problem(431, f"a head of at most {MAX_HEAD} bytes is read")
    names = [name for name, _ in head.headers]
    if b"content-length" in names and b"transfer-encoding" in names:
        return Response.problem(400, "a body has one length")  # two, for two servers in a row (request smuggling)
    announced = next((int(value) for name, value in head.headers if name == b"content-length"), 0)
    return _too_large(max_body) if announced > max_body else None


def _too_large(max_body: int) -> Response:
    return Response.problem(413, f"a body of at most {max_body} bytes is read")


def _request(head: h11.Request, body: bytes, address: str) -> Request:
    parts = urlsplit(head.target.decode("ascii"))
    return Request(
        method=head.method.decode("ascii"),
        path=parts.path,
        query=dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=16)),
        headers={name.decode("ascii"): value.decode("latin-1") for name, value in head.headers},
        body=body,
        address=address,
    )
