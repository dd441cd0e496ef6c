"""The frames that may cross, as types: msgpack arrays whose first element names the frame.

A peer can send exactly what is written here. An unknown tag, a missing or surplus field, a string over its cap,
bad UTF-8 or too deep nesting is a :class:`ProtocolViolation`; the host then kills the worker.
Values whose type depends on the method travel as ``Raw`` and are decoded by ``methods.py`` to that type.
Nothing is ever unpickled. The host decodes on its event loop's thread only (see ``depth.py`` for why).
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import getrecursionlimit
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

from theodore_loader.channel.depth import ORDINARY_RECURSION, check_depth
from theodore_loader.channel.frames import Payload, frame
from theodore_loader.errors import ProtocolViolation

PROTOCOL_VERSION = 1
PROTOCOLS = (PROTOCOL_VERSION,)
"""What both ends of this version speak, best first."""

MAX_TEXT = 2048
MAX_TRACEBACK = 16 * 1024
MAX_BATCH = 256

NIL = msgspec.Raw(b"\xc0")
"""The value of an answer that has none."""

Name: TypeAlias = Annotated[str, msgspec.Meta(max_length=256)]
Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
LongText: TypeAlias = Annotated[str, msgspec.Meta(max_length=MAX_TRACEBACK)]
Id: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Bytes: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**31)]

if TYPE_CHECKING:
    Value: TypeAlias = Any
else:
    Value: TypeAlias = msgspec.Raw
"""Any value where a frame is sent, its undecoded bytes where one has arrived."""


class _Frame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Base of all frames and of what they contain."""


class Hello(_Frame, tag="hello", frozen=True):
    """First frame. ``setup`` is everything the worker needs to confine itself, as one msgpack value."""

    protocols: tuple[int, ...]
    nonce: bytes
    setup: msgspec.Raw


class Layer(_Frame, frozen=True):
    """One sandbox layer as it was reached."""

    name: Name
    active: bool
    detail: Text


class Ready(_Frame, tag="ready", frozen=True):
    """The worker is confined; nothing of the plugin has been read yet."""

    protocol: int
    nonce: bytes
    pid: int
    python: Name
    tier: int
    layers: Annotated[tuple[Layer, ...], msgspec.Meta(max_length=64)]
    canaries: Annotated[tuple[Layer, ...], msgspec.Meta(max_length=64)]
    milliseconds: dict[Name, float]


class Load(_Frame, tag="load", frozen=True):
    """Import the plugin's class, which derives from ``base``; ``services`` are the host services it may resolve.

    ``entry_point`` and ``base`` are ``module:Class``.
    """

    entry_point: Name
    base: Name
    config_schema: msgspec.Raw
    services: tuple[str, ...]


class Loaded(_Frame, tag="loaded", frozen=True):
    """The class was imported and an instance made, which has these ``operations``."""

    milliseconds: float
    operations: Annotated[tuple[Name, ...], msgspec.Meta(max_length=256)]


class Call(_Frame, tag="call", frozen=True):
    """Run a method. ``seconds`` is the time left, for the plugin's information; the host keeps the deadline.

    Where ``credit`` is not 0 the answer is a stream, and that much of it may be sent at first. ``progress`` says
    that somebody listens.
    """

    id: Id
    method: Name
    seconds: float
    args: Value
    credit: Bytes = 0
    progress: bool = False


class Result(_Frame, tag="result", frozen=True):
    """What the method returned."""

    id: Id
    value: Value


class Chunk(_Frame, tag="chunk", frozen=True):
    """Some items of a stream, as an array. Costs its sender credit (``streams.cost``)."""

    id: Id
    items: Value


class End(_Frame, tag="end", frozen=True):
    """A stream has ended; ``error`` says why it ended early where the host was its source."""

    id: Id
    error: tuple[Name, Text] | None = None


class Credit(_Frame, tag="credit", frozen=True):
    """The consumer of a stream has room for so many bytes more."""

    id: Id
    bytes: Annotated[int, msgspec.Meta(ge=1, le=2**31)]


class Progress(_Frame, tag="progress", frozen=True):
    """How far a call has come, between 0 and 1, for a host that listens."""

    id: Id
    fraction: Annotated[float, msgspec.Meta(ge=0, le=1)]
    message: Annotated[str, msgspec.Meta(max_length=512)] = ""


class Denial(_Frame, frozen=True):
    """A ``PluginPermissionError``, as data."""

    permission: Text
    resource: Text
    location: Text | None
    enforced_by: Text


class Error(_Frame, tag="error", frozen=True):
    """The method did not return. ``code`` is one of :data:`ERROR_CODES`; id 0 is a failure to start."""

    id: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    code: Name
    type_name: Name
    message: Text
    traceback: LongText = ""
    denial: Denial | None = None
    limit: Name | None = None


ERROR_CODES = (
    "raised",  # the plugin raised; type_name, message and traceback describe it
    "permission-denied",  # a PluginPermissionError; see denial
    "limit",  # a ResourceLimitExceeded; see limit
    "configuration",  # a PluginConfigurationError
    "cancelled",  # the answer to a cancel frame
    "bad-arguments",  # the host's arguments do not fit the method's signature
    "bad-result",  # what the method returned cannot cross
    "too-large",  # it can, but is larger than MAX_VALUE_BYTES
    "unknown-method",
    "no-plugin",  # the entry point cannot be imported, or is no plugin of the category
    "confinement",  # the sandbox could not be set up
    "protocol",  # the worker speaks none of the protocols offered
)


class Cancel(_Frame, tag="cancel", frozen=True):
    """To a worker: stop a call; it answers with ``error(cancelled)`` within the grace time or is killed.

    To a host: nobody reads this stream of its any more.
    """

    id: Id


class HostCall(_Frame, tag="hostcall", frozen=True):
    """The plugin calls a method of a host service; ids of this direction are a space of their own."""

    id: Id
    service: Name
    method: Name
    args: msgspec.Raw


class HostResult(_Frame, tag="hostresult", frozen=True):
    """What the service answered: a value, or an error's type name and message."""

    id: Id
    value: msgspec.Raw
    error: tuple[Name, Text] | None = None
    denial: Denial | None = None


class Log(_Frame, tag="log", frozen=True):
    """A record of the plugin's logger."""

    level: Annotated[int, msgspec.Meta(ge=0, le=100)]
    logger: Name
    text: Annotated[str, msgspec.Meta(max_length=4096)]


class Access(_Frame, frozen=True):
    """One observation of the audit hook, worker-reported and therefore no evidence."""

    ts: float
    permission: Name
    resource: Text
    granted: bool
    location: Text | None
    count: int = 1


class Accesses(_Frame, tag="access", frozen=True):
    """A batch of observations; ``dropped`` counts those beyond the worker's own bound."""

    records: Annotated[tuple[Access, ...], msgspec.Meta(max_length=MAX_BATCH)]
    dropped: int = 0


class Ping(_Frame, tag="ping", frozen=True):
    """Answered by :class:`Pong` with the same number, as soon as the worker's loop runs."""

    id: Id


class Pong(_Frame, tag="pong", frozen=True):
    """The answer to a ping."""

    id: Id


class Shutdown(_Frame, tag="shutdown", frozen=True):
    """End: the worker flushes its log and exits with status 0."""


ToWorker: TypeAlias = Hello | Load | Call | Cancel | Chunk | End | Credit | HostResult | Ping | Shutdown
ToHost: TypeAlias = (
    Ready | Loaded | Result | Error | Chunk | End | Credit | Cancel | Progress | HostCall | Log | Accesses | Pong
)
Frame: TypeAlias = ToWorker | ToHost


def _plain(value: object) -> object:
    """Encode hook: read-only mappings are the one plain thing msgspec does not know."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__qualname__} cannot cross the channel; use plain values and frozen dataclasses")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_to_host: msgspec.msgpack.Decoder[ToHost] = msgspec.msgpack.Decoder(ToHost)
_to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)


encode_value = _encoder.encode
"""Return any value that can cross as msgpack; raises ``TypeError``, ``ValueError`` or ``OverflowError``."""

encode_into = _encoder.encode_into
"""Write any value that can cross into a ``bytearray`` from an offset on, and cut it there."""


def encode(message: Frame) -> bytes:
    """Return ``message`` as bytes on the wire, length included."""
    return frame(_encoder.encode(message))


def decode_from_worker(payload: Payload, *, ample_stack: bool = False) -> ToHost:
    """Return the frame a worker sent; ``ample_stack`` is what ``depth.has_ample_stack`` says of this thread.

    Raises:
        ProtocolViolation: it is none a worker may send.

    """
    if not ample_stack or getrecursionlimit() > ORDINARY_RECURSION:
        check_depth(bytes(payload))
    try:
        return _to_host.decode(payload)
    except _DAMAGE as problem:
        raise _no_frame(problem) from None


def decode_from_host(payload: Payload) -> ToWorker:
    """Return the frame the host sent.

    Raises:
        ProtocolViolation: it is none a host may send.

    """
    try:
        return _to_worker.decode(payload)
    except _DAMAGE as problem:
        raise _no_frame(problem) from None


_DAMAGE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _no_frame(problem: Exception) -> ProtocolViolation:
    return ProtocolViolation(f"not a frame of protocol {PROTOCOL_VERSION}: {problem}")


def truncated(text: str, limit: int = MAX_TEXT) -> str:
    """Return ``text`` cut to ``limit`` characters, encodable whatever it holds."""
    clean = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def printable(text: str) -> str:
    """Return ``text`` in one line that changes nothing but what it says: control characters are escaped.

    A line break in a message would forge a log record, an escape sequence would write over a terminal.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def printable_lines(text: str) -> str:
    """Return ``text`` like :func:`printable`, its line breaks kept."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.split("\n"))


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
