"""How deep a msgpack value nests, and whether this thread can bear to find out by decoding it.

The decoder recurses in C and counts on the interpreter's recursion limit. On a stack of ordinary size a million nested
arrays end in ``RecursionError``; on a small one (musl's threads, ``threading.stack_size``, a raised recursion limit)
they end the *host*. Walking a value without recursion costs up to a second a mebibyte, so it is done where the stack
is not known to suffice, and for values without a type to bound them. Format: the MessagePack specification.
"""

from __future__ import annotations

import os
import re
import threading

from theodore_loader.errors import ProtocolViolation

MAX_DEPTH = 32

_CONTAINERS = bytes([*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF])
_MAPS = frozenset([*range(0x80, 0x90), 0xDE, 0xDF])
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


def _runs(heads: bytes, width: int) -> dict[int, tuple[re.Pattern[bytes], int]]:
    pattern = re.compile(b"(?:[%b].{%d})++" % (re.escape(heads), width - 1), re.DOTALL)
    return dict.fromkeys(heads, (pattern, width))


_RUNS = {
    **_runs(bytes([*range(0x80), *range(0xE0, 0x100), 0xC0, 0xC2, 0xC3]), 1),
    **_runs(b"\xcc\xd0", 2),
    **_runs(b"\xcd\xd1", 3),
    **_runs(b"\xca\xce\xd2", 5),
    **_runs(b"\xcb\xcf\xd3", 9),
}


_AMPLE_STACK = 4 * 1024 * 1024
ORDINARY_RECURSION = 3000
"""A recursion limit that an ample stack can bear; a host may set another (``sys.setrecursionlimit``) at any time."""


def has_ample_stack() -> bool:
    """Return whether the calling thread's stack is known to outlast an ordinary recursion limit."""
    try:
        import resource

        if not (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc"):
            return False
        soft, _hard = resource.getrlimit(resource.RLIMIT_STACK)
    except (ImportError, ValueError, OSError):
        return False
    if threading.current_thread() is threading.main_thread():
        return soft == resource.RLIM_INFINITY or soft >= _AMPLE_STACK
    # glibc gives threads the soft limit, or 2 MiB where there is none
    return threading.stack_size() == 0 and soft != resource.RLIM_INFINITY and soft >= _AMPLE_STACK


def check_depth(data: bytes | bytearray, limit: int = MAX_DEPTH, steps: int | None = None) -> None:
    """Return if no value in ``data`` nests deeper than ``limit`` containers.

    ``steps`` bounds the work where somebody else decides how often it is done: a step is one container, one text, or
    one run of numbers of a width, and costs about a microsecond, as does making the objects of it.

    Nesting needs one container byte a level, so a value with few such bytes is settled by counting them at
    memory speed; only the rest is walked. Truncated or unknown encodings are left to the decoder's own error.

    Where there is a walk, keys of maps are looked at too: arrays would become tuples, whose hashes, unlike those of
    text, anybody can make equal by the thousand.

    Raises:
        ProtocolViolation: something nests deeper, a key is a container, or it takes more than ``steps`` to find out.

    """
    if len(data) - len(data.translate(None, _CONTAINERS)) > limit and _too_deep(data, limit, steps or len(data)):
        raise ProtocolViolation(f"a value nests deeper than {limit} levels")


def _too_deep(data: bytes | bytearray, limit: int, steps: int) -> bool:
    open_counts: list[int] = []  # items still to come, per open container
    maps: list[bool] = []  # which of them is a map
    position = 0
    while position < len(data):
        steps -= 1
        if steps < 0:
            raise ProtocolViolation("a value has too many parts")
        scalars, position = _run(data, position)
        if scalars:
            _close(open_counts, scalars)
            del maps[len(open_counts) :]
            continue
        is_map = data[position] in _MAPS
        items, position = _item(data, position)
        if items:
            if maps and maps[-1] and open_counts[-1] % 2 == 0:
                raise ProtocolViolation("a map has a container for a key")
            open_counts.append(items)
            maps.append(is_map)
            if len(open_counts) > limit:
                return True
            continue
        _close(open_counts, 1)
        del maps[len(open_counts) :]
    return False


def _close(open_counts: list[int], finished: int) -> None:
    """Count finished values, and every container they finish as one more value of the container around it."""
    while open_counts and finished >= open_counts[-1]:
        finished += 1 - open_counts.pop()
    if open_counts:
        open_counts[-1] -= finished


def _run(data: bytes | bytearray, position: int) -> tuple[int, int]:
    """Return how many numbers of one width start here, and where they end: vectors pass at the speed of a regex."""
    run = _RUNS.get(data[position])
    found = run[0].match(data, position) if run is not None else None
    if run is None or found is None:
        return 0, position
    return (found.end() - position) // run[1], found.end()


def _item(data: bytes | bytearray, position: int) -> tuple[int, int]:
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
