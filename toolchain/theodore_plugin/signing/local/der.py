"""The DER values that certificates and timestamps need and ``cryptography`` has no types for (X.690, section 8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

INTEGER = 0x02
OCTET_STRING = 0x04
OID = 0x06
UTF8_STRING = 0x0C
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31
NULL = b"\x05\x00"


def octet_string(value: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return encode(OCTET_STRING, value)


def utf8_string(value: str) -> bytes:
    """Encode a UTF8String."""
    return encode(UTF8_STRING, value.encode())


def integer(value: int) -> bytes:
    """Encode an INTEGER in the fewest octets of two's complement."""
    # One bit more than the magnitude, for the sign; ~value has the bits of a negative number's magnitude.
    bits = (value if value >= 0 else ~value).bit_length() + 1
    return encode(INTEGER, value.to_bytes((bits + 7) // 8, "big", signed=True))


def object_identifier(dotted: str) -> bytes:
    """Encode an OBJECT IDENTIFIER."""
    first, second, *rest = map(int, dotted.split("."))
    return encode(OID, b"".join(map(_arc, [40 * first + second, *rest])))


def generalized_time(moment: datetime) -> bytes:
    """Encode a time in UTC, cut to the second, as RFC 3161 wants it."""
    return encode(GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


def sequence(*values: bytes) -> bytes:
    """Encode a SEQUENCE of encoded values."""
    return encode(SEQUENCE, b"".join(values))


def set_of(values: Iterable[bytes]) -> bytes:
    """Encode a SET OF encoded values, sorted as DER demands."""
    return encode(SET, b"".join(sorted(values)))


def explicit(number: int, value: bytes) -> bytes:
    """Wrap an encoded value in the context tag ``[number] EXPLICIT``."""
    return encode(0xA0 | number, value)


def encode(tag: int, value: bytes) -> bytes:
    """Encode a value of any tag below 31."""
    return bytes([tag]) + _length(len(value)) + value


def _length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits


def _arc(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))
