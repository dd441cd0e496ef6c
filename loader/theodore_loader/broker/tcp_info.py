"""What the kernel has counted for a TCP connection (``struct tcp_info`` of ``linux/tcp.h``)."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

_IN = struct.Struct("=128xQ")  # tcpi_bytes_received, since Linux 4.1
_NOT_SENT = struct.Struct("=144xI")  # tcpi_notsent_bytes: in the buffer, written by the plugin
_OUT = struct.Struct("=200xQQ")  # tcpi_bytes_sent and tcpi_bytes_retrans, since Linux 4.19
_ACKED = struct.Struct("=120xQ")
_IDLE = struct.Struct("=44xI4xI")  # tcpi_last_data_sent and tcpi_last_data_recv, milliseconds
_SIZE = 256


@dataclass(frozen=True, slots=True)
class TcpCount:
    """Bytes of payload in both directions, and seconds since the last of them."""

    bytes_in: int
    bytes_out: int
    idle_seconds: float


def tcp_count(sock: socket.socket) -> TcpCount:
    """Return the counts of a connection, also of one that has been shut down.

    Raises:
        OSError: it is no TCP socket.

    """
    data = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
    if len(data) < _IN.size:
        raise OSError("this kernel counts no bytes")
    last_sent, last_received = _IDLE.unpack_from(data)
    return TcpCount(_IN.unpack_from(data)[0], _bytes_out(data), min(last_sent, last_received) / 1000)


def _bytes_out(data: bytes) -> int:
    waiting: int = _NOT_SENT.unpack_from(data)[0] if len(data) >= _NOT_SENT.size else 0
    if len(data) >= _OUT.size:
        sent, again = _OUT.unpack_from(data)
        return int(sent) - int(again) + waiting
    return int(_ACKED.unpack_from(data)[0]) + waiting
