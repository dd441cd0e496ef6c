"""The two DER values a Fulcio certificate needs that ``cryptography`` has no type for (X.690, section 8)."""

from __future__ import annotations

_OCTET_STRING = 0x04
_UTF8_STRING = 0x0C


def octet_string(value: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return _encode(_OCTET_STRING, value)


def utf8_string(value: str) -> bytes:
    """Encode a UTF8String."""
    return _encode(_UTF8_STRING, value.encode())


def _encode(tag: int, value: bytes) -> bytes:
    return bytes([tag]) + _length(len(value)) + value


def _length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits
