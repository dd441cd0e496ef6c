"""Reading DER from strangers: strict, bounded, and never further than the value says (X.690, section 10)."""

from __future__ import annotations

from theodore_plugin.signing.local import der

_MAX_LENGTH_OCTETS = 4


class DerError(ValueError):
    """The bytes are not the DER that was expected."""


class Reader:
    """Takes one value after the other; what is left over is an error at :meth:`end`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def next_is(self, tag: int) -> bool:
        """Tell whether a value of ``tag`` comes next."""
        return self._at < len(self._data) and self._data[self._at] == tag

    def take(self, tag: int) -> bytes:
        """Return the content of the next value, which must be of ``tag``; raises :class:`DerError`."""
        if not self.next_is(tag):
            raise DerError(f"no value of tag {tag:#04x} where one is expected")
        length, start = self._length(self._at + 1)
        end = start + length
        if end > len(self._data):
            raise DerError("a value ends behind the data")
        self._at = end
        return self._data[start:end]

    def sequence(self) -> Reader:
        """Return a reader over the next value, a SEQUENCE."""
        return Reader(self.take(der.SEQUENCE))

    def integer(self) -> int:
        """Return the next value, an INTEGER."""
        content = self.take(der.INTEGER)
        value = int.from_bytes(content, "big", signed=True)
        if der.integer(value) != der.encode(der.INTEGER, content):
            raise DerError("an INTEGER is longer than it needs to be, or empty")
        return value

    def end(self) -> None:
        """Raise :class:`DerError` if anything is left."""
        if self._at != len(self._data):
            raise DerError("more follows than belongs there")

    def _length(self, at: int) -> tuple[int, int]:
        if at >= len(self._data):
            raise DerError("a value has no length")
        first = self._data[at]
        if first < 0x80:
            return first, at + 1
        start = at + 1
        octets = self._data[start : start + (first & 0x7F)]
        length = int.from_bytes(octets, "big")
        minimal = length >= 0x80 and octets[:1] != b"\0"
        if not minimal or len(octets) != first & 0x7F or len(octets) > _MAX_LENGTH_OCTETS:
            raise DerError("a length is not in DER")
        return length, start + len(octets)
