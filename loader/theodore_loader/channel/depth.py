"""How deep a msgpack value nests, found without recursion and before anything decodes it.

The decoder recurses in C. A million nested arrays end in ``RecursionError`` on a large stack and in a crash of
the *host* on a small one (threads, musl), so nesting is limited first. Format: the MessagePack specification.
"""

from __future__ import annotations

from theodore_loader.errors import ProtocolViolation

MAX_DEPTH = 32

_CONTAINERS = bytes([*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF])
# First byte -> (bytes of length field, fixed bytes after it); the length field counts bytes of data.
_SIZED = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_FIXED = {
    0xC0: 0,
    0xC2: 0,
    0xC3: 0,
    0xCA: 4,
    0xCB: 8,
    0xCC: 1,
    0xCD: 2,
    0xCE: 4,
    0xCF: 8,
    0xD0: 1,
    0xD1: 2,
    0xD2: 4,
    0xD3: 8,
    0xD4: 2,
    0xD5: 3,
    0xD6: 5,
    0xD7: 9,
    0xD8: 17,
}
_EXTENSIONS = (0xC7, 0xC8, 0xC9)


def check_depth(data: bytes, limit: int = MAX_DEPTH) -> None:
    """Return if no value in ``data`` nests deeper than ``limit`` containers.

    Nesting needs one container byte a level, so a value with few such bytes is settled by counting them at
    memory speed; only the rest is walked. Truncated or unknown encodings are left to the decoder's own error.

    Raises:
        ProtocolViolation: something nests deeper.

    """
    if len(data) - len(data.translate(None, _CONTAINERS)) > limit and _too_deep(data, limit):
        raise ProtocolViolation(f"a value nests deeper than {limit} levels")


def _too_deep(data: bytes, limit: int) -> bool:
    open_counts: list[int] = []  # items still to come, per open container
    position = 0
    while position < len(data):
        items, position = _item(data, position)
        if items:
            open_counts.append(items)
            if len(open_counts) > limit:
                return True
            continue
        _close(open_counts)
    return False


def _close(open_counts: list[int]) -> None:
    """Count one finished value, and every container it finishes."""
    while open_counts:
        open_counts[-1] -= 1
        if open_counts[-1]:
            return
        open_counts.pop()


def _item(data: bytes, position: int) -> tuple[int, int]:
    """Return how many values the item at ``position`` contains, and where the next item starts."""
    head = data[position]
    position += 1
    if head < 0x80 or head >= 0xE0:  # small integers
        return 0, position
    if head < 0xA0:  # fixmap, fixarray
        return (head & 0x0F) * (2 if head < 0x90 else 1), position
    if head < 0xC0:  # fixstr
        return 0, position + (head & 0x1F)
    if head >= 0xDC:  # array 16/32, map 16/32
        width = 2 if head in (0xDC, 0xDE) else 4
        count = int.from_bytes(data[position : position + width], "big")
        return count * (2 if head >= 0xDE else 1), position + width
    if (width := _SIZED.get(head, 0)) != 0:
        size = int.from_bytes(data[position : position + width], "big")
        return 0, position + width + size + (1 if head in _EXTENSIONS else 0)
    return 0, position + _FIXED.get(head, 0)
