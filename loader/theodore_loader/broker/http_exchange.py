"""One HTTP/1.1 exchange over a connection that is already there. Blocking: it runs on a thread.

The parser is the standard library's: it bounds lines and their number, and knows no proxy, cookie or redirect. It may
not connect by itself (``auto_open``): the connection it is given was judged, another would not be.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
from contextlib import suppress
from typing import Any, BinaryIO

from theodore_loader.broker.http_request import OF_A_CONNECTION, Request
from theodore_loader.broker.http_wire import MAX_BODY_BYTES, MAX_HEADER_BYTES, Fetched

STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ConnectionAbortedError)
"""How a connection fails that the server closed while it was kept."""


MAX_LINES = 8192
"""Lines of one answer: status, headers, and a line or two for each chunk."""


class TooLargeError(Exception):
    """The answer is larger than what can cross to the worker."""


class _Lines:
    """A response's file that reads a bounded number of lines: chunks of one byte would keep a processor busy."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAX_LINES

    def readline(self, limit: int = -1) -> bytes:
        """Return the next line."""
        self._left -= 1
        if self._left < 0:
            raise http.client.HTTPException(f"the answer has more than {MAX_LINES} headers and chunks")
        return self._file.readline(limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Response(http.client.HTTPResponse):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp: Any = _Lines(self.fp)


class Line:
    """A connection to one server, kept for further requests."""

    def __init__(self, sock: socket.socket, request: Request) -> None:
        self.key = (request.scheme, request.host, request.port)
        self.used = False
        self.reusable = False
        self._http = http.client.HTTPConnection(request.host, request.port)
        self._http.auto_open = 0
        self._http.response_class = _Response
        self._raw = sock
        self._http.sock = sock
        self._handle = sock.dup()

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS; the server must prove to be the host that was asked for."""
        name = self.key[1].strip("[]")
        secured = context.wrap_socket(self._raw, server_hostname=name, do_handshake_on_connect=False)
        self._raw = self._http.sock = secured
        secured.do_handshake()

    def exchange(self, request: Request) -> Fetched:
        """Send a request and return the answer.

        Raises:
            TooLargeError: see there.
            OSError, http.client.HTTPException: it did not come.

        """
        self.reusable = False
        self._send(request)
        self.used = True
        response = self._http.getresponse()
        try:
            if response.status == http.client.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("the server switched to another protocol")
            headers = _headers(response)
            body = _body(response)
            self.reusable = not response.will_close
            return Fetched(response.status, headers, body)
        finally:
            response.close()

    def is_alive(self) -> bool:
        """Tell whether the server has neither closed the connection nor said something unasked."""
        try:
            poll = select.poll()
            poll.register(self._handle, select.POLLIN)
            return not poll.poll(0)
        except (OSError, ValueError):
            return False

    def shut_down(self) -> None:
        """End it from any thread: whoever waits on it is woken."""
        with suppress(OSError):
            self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it and free its descriptor; only where no thread uses it."""
        self.shut_down()
        self._http.close()
        self._raw.close()
        self._handle.close()

    def _send(self, request: Request) -> None:
        self._http.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            self._http.putheader(name, value.encode("latin-1"))
        self._http.endheaders(request.body or None)


def _headers(response: http.client.HTTPResponse) -> tuple[tuple[str, str], ...]:
    found = [(name, value) for name, value in response.getheaders() if name.lower() not in OF_A_CONNECTION]
    if sum(len(name) + len(value) for name, value in found) > MAX_HEADER_BYTES:
        raise TooLargeError(f"the headers are larger than {MAX_HEADER_BYTES} bytes")
    return tuple(found)


def _body(response: http.client.HTTPResponse) -> bytes:
    announced = response.length
    if announced is not None and announced <= MAX_BODY_BYTES:
        return response.read()  # raises IncompleteRead where the server gives less than it announced
    body = b"" if announced is not None else response.read(MAX_BODY_BYTES + 1)
    if announced is not None or len(body) > MAX_BODY_BYTES:
        raise TooLargeError(f"the body is larger than {MAX_BODY_BYTES} bytes; use a client library, which streams")
    return body
