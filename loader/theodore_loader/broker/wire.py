"""What crosses the broker's socketpair: one sequenced packet a message, msgpack arrays, the first element its kind.

The worker asks for a connection; the host answers, with the connected descriptor beside a granting answer
(SCM_RIGHTS). Descriptors travel this way only: the host receives without room for any.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

MAX_PACKET = 4096


class Dial(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="dial"):
    """Connect to ``host:port`` within ``seconds`` (``None``: the host's own bound).

    ``location`` is the plugin's ``file:line`` as the worker tells it, for the access log.
    """

    id: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    host: Annotated[str, msgspec.Meta(max_length=512)]
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)]
    seconds: float | None
    location: Annotated[str, msgspec.Meta(max_length=512)] | None = None


class Abandon(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="abandon"):
    """Nobody waits for dial ``id`` any more. It may have been answered already: then nothing happens."""

    id: Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class Dialled(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The answer to a dial.

    ``outcome`` is ``connected`` (a descriptor follows), ``denied``, ``limited``, ``unresolved``,
    ``timeout`` or ``failed``; ``errno`` belongs to ``failed`` and ``unresolved``, ``limit`` names what ``limited``.
    """

    id: int
    outcome: str
    errno: int
    message: str
    limit: str = ""


encode = msgspec.msgpack.Encoder().encode
"""Return a message as one packet."""

decode_request = msgspec.msgpack.Decoder(Dial | Abandon).decode
"""Read what a worker sent; raises ``msgspec.DecodeError``."""

decode_dialled = msgspec.msgpack.Decoder(Dialled).decode
"""Read what the host sent."""
