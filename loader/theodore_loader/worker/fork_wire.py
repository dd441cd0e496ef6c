"""What crosses the zygote's socketpair: one sequenced packet a message, msgpack arrays, descriptors beside them.

::

    host                                       zygote
                                         <--   started  pid                      everything is imported
    fork   id; 5 descriptors             -->                                     channel, broker, output, error, folder
                                         <--   forked   id, pid; 1 descriptor    its pidfd
                                         <--   failed   id, errno                there is no process
    reap   pid                           -->                                     the host has seen its exit
                                         <--   reaped   pid, status
    drop   pid                           -->                                     its pidfd did not arrive: end it

Nothing of a plugin is in any of these: what a worker is told, it is told on its own channel.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

MAX_PACKET = 512
FORK_DESCRIPTORS = 5


class _Message(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of all messages."""


class Started(_Message, tag="started", frozen=True):
    """First message: the zygote can fork."""

    pid: int


class Fork(_Message, tag="fork", frozen=True):
    """Fork a worker that takes over the descriptors beside this message."""

    id: int


class Forked(_Message, tag="forked", frozen=True):
    """There is one; its pidfd is beside this message."""

    id: int
    pid: int


class Failed(_Message, tag="failed", frozen=True):
    """There is none, and why."""

    id: int
    errno: int


class Reap(_Message, tag="reap", frozen=True):
    """Take the status of a worker that has ended; its number may be given to another process from now on."""

    pid: int


class Reaped(_Message, tag="reaped", frozen=True):
    """The status, as ``subprocess`` gives it."""

    pid: int
    status: int


class Drop(_Message, tag="drop", frozen=True):
    """Kill and reap a worker of which the host has no pidfd."""

    pid: int


ToZygote: TypeAlias = Fork | Reap | Drop
FromZygote: TypeAlias = Started | Forked | Failed | Reaped

encode = msgspec.msgpack.Encoder().encode
"""Return a message as one packet."""

decode_for_zygote = msgspec.msgpack.Decoder(ToZygote).decode
"""Read what the host sent."""

decode_from_zygote = msgspec.msgpack.Decoder(FromZygote).decode
"""Read what the zygote sent. Raises ``msgspec.DecodeError``."""
